/*
 * schema/store.h: the tables schema_object, snapshot and snapshot_object
 */
#ifndef DBM_SCHEMA_STORE_H
#define DBM_SCHEMA_STORE_H

#include "core/digest.h"
#include "core/table.h"

extern const DbmTable dbm_schema_object_table;
extern const DbmTable dbm_snapshot_table;
extern const DbmTable dbm_snapshot_object_table;

typedef enum DbmSchemaObjectColumn
{
	DBM_SCHEMA_OBJECT_HASH,
	DBM_SCHEMA_OBJECT_KIND,
	DBM_SCHEMA_OBJECT_IDENTITY,
	DBM_SCHEMA_OBJECT_BODY,
	DBM_SCHEMA_OBJECT_COLUMNS
} DbmSchemaObjectColumn;

typedef enum DbmSnapshotColumn
{
	DBM_SNAPSHOT_ID,
	DBM_SNAPSHOT_PARENT,
	DBM_SNAPSHOT_ROOT,
	DBM_SNAPSHOT_EXTRA_ROOT,
	DBM_SNAPSHOT_OBJECTS,
	DBM_SNAPSHOT_CHANGED,
	DBM_SNAPSHOT_LABEL,
	DBM_SNAPSHOT_DEPLOYMENT,
	DBM_SNAPSHOT_TAKEN_AT,
	DBM_SNAPSHOT_TAKEN_BY,
	DBM_SNAPSHOT_FORMAT,
	DBM_SNAPSHOT_SERVER_VERSION,
	DBM_SNAPSHOT_SYSTEM_IDENTIFIER,
	DBM_SNAPSHOT_DATABASE,
	DBM_SNAPSHOT_TIMELINE,
	DBM_SNAPSHOT_LOG_POSITION,
	DBM_SNAPSHOT_NEXT_XID,
	DBM_SNAPSHOT_OLDEST_XID,
	DBM_SNAPSHOT_COLUMNS
} DbmSnapshotColumn;

typedef enum DbmSnapshotObjectColumn
{
	DBM_SNAPSHOT_OBJECT_KIND,
	DBM_SNAPSHOT_OBJECT_IDENTITY,
	DBM_SNAPSHOT_OBJECT_SNAPSHOT,
	DBM_SNAPSHOT_OBJECT_HASH,
	DBM_SNAPSHOT_OBJECT_COLUMNS
} DbmSnapshotObjectColumn;

/* An object by name. */
typedef struct DbmObjectName
{
	const char *kind;
	const char *identity;
} DbmObjectName;

/* Reads the newest snapshot's row; false if there is none.  Values are palloc'd. */
extern bool dbm_snapshot_newest(DbmRow *row);

/*
 * Hash of an object as of a snapshot: false if it was not there.  The scan is
 * one look into the index; keep the snapshot's number small or PG_INT64_MAX.
 */
extern bool dbm_snapshot_object_hash(DbmObjectName name, int64 snapshot, uint8 *hash);

/* Names of the objects with rows in the snapshots after from up to to (List of DbmObjectName *). */
extern List *dbm_snapshot_names(int64 from, int64 to);

/* Is this state of an object stored? */
extern bool dbm_schema_object_stored(const uint8 *hash);

/* Sorts names by kind and identity, bytewise, and drops duplicates. */
extern List *dbm_names_sorted(List *names);

#endif							/* DBM_SCHEMA_STORE_H */
