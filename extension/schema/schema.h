/*
 * schema/schema.h: the whole schema as a set of objects with one hash
 */
#ifndef DBM_SCHEMA_SCHEMA_H
#define DBM_SCHEMA_SCHEMA_H

#include "core/digest.h"
#include "nodes/pg_list.h"

/* Root hash of the live schema as this transaction's latest snapshot sees it. */
extern void dbm_schema_root(uint8 *root);

/*
 * For whoever is going to look at the schema before and after writing: call
 * before the first write of the transaction.  Without it all is the same, but
 * the second look of a session reads what the first one has read.
 */
extern void dbm_schema_mark(void);

/*
 * Records the live schema as a snapshot row (and the objects that are new)
 * and returns its id; if nothing changed since the newest snapshot and there is
 * no label, no row is written and the newest one's id is returned.  root gets
 * the root hash.  label may be NULL, deployment 0.  Whoever has something to
 * record waits for others that have, until their transaction ends.
 */
extern int64 dbm_snapshot_record(const char *label, int64 deployment, uint8 *root);

/*
 * Saves the live schema for the sessions to come, if this one has described
 * much of it and a snapshot shows it as it is.  Call at the end of what people
 * ask for; writes one row, which is part of the transaction.
 */
extern void dbm_schema_save(void);

/* One object of the live schema. */
typedef struct DbmLiveObject
{
	const char *kind;
	const char *identity;
	const uint8 *hash;
	uint8		shape[DBM_DIGEST_LENGTH];	/* of all but the text of expressions and queries */
	bool		extra;			/* counts for the second root */
} DbmLiveObject;

/* Calls the function for every object of the live schema, in no order. */
extern void dbm_schema_each(void (*visit) (void *context, const DbmLiveObject *object),
							void *context);

/* One object that differs between a snapshot and the one before it. */
typedef struct DbmObjectChange
{
	const char *kind;
	const char *identity;
	bool		before_exists;
	bool		after_exists;
	uint8		before[DBM_DIGEST_LENGTH];
	uint8		after[DBM_DIGEST_LENGTH];
} DbmObjectChange;

/*
 * Objects that differ between two recorded snapshots (List of DbmObjectChange *,
 * sorted by kind and identity).  Versions of extensions and invalid indexes are
 * among them, although the root does not count them.
 */
extern List *dbm_snapshot_difference(int64 from, int64 to);

#endif							/* DBM_SCHEMA_SCHEMA_H */
