/*
 * schema/live.h: the schema as this backend last saw it
 *
 * Units with their objects' hashes and the rows that belong to them, objects
 * in buckets, buckets in groups, groups under two roots.  Bodies are kept from the
 * moment a unit is described again until the next snapshot is recorded, which
 * may store them.
 */
#ifndef DBM_SCHEMA_LIVE_H
#define DBM_SCHEMA_LIVE_H

#include "utils/hsearch.h"

#include "schema/pass.h"

typedef enum DbmTree
{
	DBM_TREE_SCHEMA = 0,		/* what pg_dump shows */
	DBM_TREE_EXTRA,				/* what it does not */
	DBM_TREES
} DbmTree;

typedef struct DbmObject
{
	struct DbmObject *next_in_unit;
	struct DbmObject *next_in_bucket;
	struct DbmObject **link_in_bucket;	/* what points to this object there */
	const char *kind;
	DbmUnitKey unit;
	uint8 hash[DBM_DIGEST_LENGTH];
	int16 bucket;
	bool extra;					/* in which tree */
	bool seen;					/* for whoever walks over all of them */
	char identity[FLEXIBLE_ARRAY_MEMBER];
} DbmObject;

typedef struct DbmUnit
{
	DbmUnitKey key;				/* hash key, first */
	DbmObject *objects;			/* the unit's own object first */
	int nmembers;
	DbmUnitKey *members;
	char *names;				/* what others may mention of it, NULL: anything */
	int names_length;
	bool hidden;				/* shows names that it need not depend on */
} DbmUnit;

typedef struct DbmBucket
{
	DbmObject *objects;
	uint8 hash[DBM_DIGEST_LENGTH];
	bool stale;
} DbmBucket;

/* Buckets under one hash, so that one changed object leaves few to be hashed again. */
typedef struct DbmGroup
{
	bool stale;
	uint8 hash[DBM_DIGEST_LENGTH];
} DbmGroup;

/* Names that changed since a snapshot; journal.c knows how to read it. */
typedef struct DbmTouched
{
	const char *kind;
	char *identity;
} DbmTouched;

typedef struct DbmJournal
{
	int64 base;					/* a snapshot that is there to stay, 0: none */
	int64 pending;				/* one that may be rolled back, 0: none */
	LocalTransactionId pending_transaction;
	int mark;					/* entries before it are older than pending */
	int count;
	int capacity;
	DbmTouched *touched;
} DbmJournal;

/* Body of an object described lately, by its hash. */
typedef struct DbmRecentBody
{
	uint8 hash[DBM_DIGEST_LENGTH];	/* hash key, first */
	int length;
	char *body;
} DbmRecentBody;

typedef struct DbmLive
{
	MemoryContext memory;
	HTAB *units;				/* DbmUnit by key */
	HTAB *members;				/* key of a row to key of its unit */
	DbmAdorned *adorned;
	DbmBucket buckets[DBM_TREES][DBM_BUCKETS];
	DbmGroup groups[DBM_TREES][DBM_GROUPS];
	uint8 roots[DBM_TREES][DBM_DIGEST_LENGTH];
	bool stale[DBM_TREES];
	int object_count;
	int hidden_count;			/* units that are hidden */
	DbmJournal journal;
	MemoryContext recent_memory;	/* NULL: no bodies are kept */
	HTAB *recent;				/* DbmRecentBody */
} DbmLive;

/* What describing a unit again did to it. */
typedef enum DbmUnitChange
{
	DBM_UNIT_SAME,				/* every object as before */
	DBM_UNIT_PARTS,				/* objects came or changed, but nothing others could name */
	DBM_UNIT_COLUMNS,			/* it has new columns behind those it had */
	DBM_UNIT_NAMES				/* its own object changed or a name went away */
} DbmUnitChange;

/* Makes an empty one, for about so much, in a memory context of its own below parent. */
extern DbmLive *dbm_live_make(MemoryContext parent, int units, int members);
extern void dbm_live_free(DbmLive *live);

/* Describes everything; live must be empty. */
extern void dbm_live_fill(DbmLive *live, Snapshot snapshot);

/* Describes one unit again.  The pass must have been made with dbm_live_receiver(live). */
extern DbmUnitChange dbm_live_renew(DbmLive *live, DbmPass *pass, DbmUnitKey unit);
extern DbmReceiver *dbm_live_receiver(DbmLive *live);

/* The unit that a catalog row belongs to; the row's own key if none is known. */
extern DbmUnitKey dbm_live_unit_of(DbmLive *live, Oid classid, Oid objid);
extern DbmUnit *dbm_live_find(DbmLive *live, DbmUnitKey key);

/* Finds an object by name, NULL if there is none. */
extern DbmObject *dbm_live_object(DbmLive *live, const char *kind, const char *identity);

/* Calls the function for every object. */
extern void dbm_live_each(DbmLive *live, void (*function)(DbmObject *object, void *arg), void *arg);

/* Notes in the journal that an object came, changed or went. */
extern void dbm_live_touch(DbmLive *live, const char *kind, const char *identity);

/* Body of an object described since the last call of dbm_live_forget_recent, or NULL. */
extern const DbmRecentBody *dbm_live_recent(DbmLive *live, const uint8 *hash);
extern void dbm_live_forget_recent(DbmLive *live);

/* Root of a tree, brought up to date. */
extern const uint8 *dbm_live_root(DbmLive *live, DbmTree tree);

#endif							/* DBM_SCHEMA_LIVE_H */
