/*
 * schema/pass.h: one pass over the schema, whole or in part
 *
 * The schema is cut into units: what is created and dropped as one thing with
 * one row of its own (a relation with all that hangs on it, a function, a
 * type, a schema ...).  Describing a unit yields objects, each with kind,
 * identity and body, and names the catalog rows (members) that belong to it.
 */
#ifndef DBM_SCHEMA_PASS_H
#define DBM_SCHEMA_PASS_H

#include "access/htup.h"
#include "access/tupdesc.h"

#include "core/digest.h"
#include "schema/body.h"
#include "schema/rows.h"

/* An object on its way out of a pass. */
typedef struct DbmDraft
{
	const char *kind;			/* a constant string */
	const char *identity;
	StringInfo body;
	bool extra;					/* not in pg_dump: counts for the second root */
	uint8 hash[DBM_DIGEST_LENGTH];
	int bucket;
} DbmDraft;

typedef struct DbmUnitKey
{
	Oid classid;
	Oid objid;
} DbmUnitKey;

/* Who takes what a pass finds; any callback may be NULL. */
typedef struct DbmReceiver
{
	void (*unit_begin)(struct DbmReceiver *self, DbmUnitKey unit);
	void (*object)(struct DbmReceiver *self, const DbmDraft *draft);
	void (*member)(struct DbmReceiver *self, DbmUnitKey member);
	void (*names)(struct DbmReceiver *self, const char *names, int length);
	/* the unit shows names that it need not depend on, see dbm_deparse_hidden */
	void (*hidden)(struct DbmReceiver *self);
	void (*unit_end)(struct DbmReceiver *self);
} DbmReceiver;

typedef struct DbmPass DbmPass;
typedef struct DbmAdorned DbmAdorned;

#define DBM_BUCKETS 1024
#define DBM_GROUP_SIZE 32
#define DBM_GROUPS (DBM_BUCKETS / DBM_GROUP_SIZE)

/* Bucket of an object with this identity, whatever its kind. */
extern int dbm_bucket_of(const char *identity);

/*
 * Begins a pass under a registered snapshot.  Settings that change deparsed
 * text are pinned until the end, and locks taken meanwhile are released there.
 * An error in between needs no end: the transaction cleans up.
 */
extern DbmPass *dbm_pass_begin(Snapshot snapshot, DbmReceiver *receiver, DbmAdorned *adorned);
extern void dbm_pass_end(DbmPass *pass);

/* Describes every unit of the schema; adorned must have been read under the same snapshot. */
extern void dbm_pass_all(DbmPass *pass);

/* Describes one unit; nothing is received if it is gone or no unit. */
extern void dbm_pass_unit(DbmPass *pass, DbmUnitKey unit);

extern DbmReceiver *dbm_pass_receiver(DbmPass *pass);

/* ---- for the kinds ---- */

extern DbmReader *dbm_pass_reader(DbmPass *pass);

/* Begins an object; there is one draft at a time.  Its body is empty. */
extern DbmDraft *dbm_draft_begin(DbmPass *pass, const char *kind, const char *identity);
extern void dbm_draft_end(DbmPass *pass, DbmDraft *draft);

/* Names a catalog row that belongs to the unit being described. */
extern void dbm_pass_member(DbmPass *pass, Oid classid, Oid objid);

/*
 * Says all that others may mention of the unit: its identity, how its
 * triggers are switched if partitions have copies of them, then the names of its
 * columns, each name with its final zero byte.  Without this others may mention
 * anything of it.
 */
extern void dbm_pass_names(DbmPass *pass, const char *names, int length);

/* Is the object a member of an extension (and so not described)? */
extern bool dbm_extension_member(DbmPass *pass, Oid classid, Oid objid);

/* Was the object made by the server as a part of another (constructors of a range type)? */
extern bool dbm_internal_part(DbmPass *pass, Oid classid, Oid objid);

/*
 * May the object have a comment, or be tied to an extension?  False spares
 * looking; true does not say that it has.
 */
extern bool dbm_pass_comment_possible(DbmPass *pass, Oid classid, Oid objid);
extern bool dbm_pass_extension_possible(DbmPass *pass, Oid classid, Oid objid);

/* Does anything in this database carry a security label? */
extern bool dbm_pass_has_labels(DbmPass *pass);

/* The array type whose elements are of this type, or InvalidOid. */
extern Oid dbm_array_type(DbmPass *pass, Oid type);

/* Oid of dbmaestro's own row in pg_extension, or InvalidOid. */
extern Oid dbm_pass_own_extension(DbmPass *pass);

/* Memory that lives as long as the pass; what is palloc'd otherwise, as long as the unit. */
extern MemoryContext dbm_pass_memory(DbmPass *pass);

#endif							/* DBM_SCHEMA_PASS_H */
