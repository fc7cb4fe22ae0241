/*
 * schema/store.c: reading the recorded schema
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type_d.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "schema/schema.h"
#include "schema/store.h"

static const DbmColumn schema_object_columns[] = {
	[DBM_SCHEMA_OBJECT_HASH] = {"hash", BYTEAOID},
	[DBM_SCHEMA_OBJECT_KIND] = {"kind", TEXTOID},
	[DBM_SCHEMA_OBJECT_IDENTITY] = {"identity", TEXTOID},
	[DBM_SCHEMA_OBJECT_BODY] = {"body", BYTEAOID},
};

const DbmTable dbm_schema_object_table = {
	.name = "schema_object",
	.columns = schema_object_columns,
	.ncolumns = DBM_SCHEMA_OBJECT_COLUMNS,
	.primary_key = "schema_object_pkey",
};

static const DbmColumn snapshot_columns[] = {
	[DBM_SNAPSHOT_ID] = {"id", INT8OID},
	[DBM_SNAPSHOT_PARENT] = {"parent", INT8OID},
	[DBM_SNAPSHOT_ROOT] = {"root", BYTEAOID},
	[DBM_SNAPSHOT_EXTRA_ROOT] = {"extra_root", BYTEAOID},
	[DBM_SNAPSHOT_OBJECTS] = {"objects", INT4OID},
	[DBM_SNAPSHOT_CHANGED] = {"changed", INT4OID},
	[DBM_SNAPSHOT_LABEL] = {"label", TEXTOID},
	[DBM_SNAPSHOT_DEPLOYMENT] = {"deployment", INT8OID},
	[DBM_SNAPSHOT_TAKEN_AT] = {"taken_at", TIMESTAMPTZOID},
	[DBM_SNAPSHOT_TAKEN_BY] = {"taken_by", TEXTOID},
	[DBM_SNAPSHOT_FORMAT] = {"format", TEXTOID},
	[DBM_SNAPSHOT_SERVER_VERSION] = {"server_version", INT4OID},
	[DBM_SNAPSHOT_SYSTEM_IDENTIFIER] = {"system_identifier", TEXTOID},
	[DBM_SNAPSHOT_DATABASE] = {"database", OIDOID},
	[DBM_SNAPSHOT_TIMELINE] = {"timeline", INT4OID},
	[DBM_SNAPSHOT_LOG_POSITION] = {"log_position", TEXTOID},
	[DBM_SNAPSHOT_NEXT_XID] = {"next_xid", INT8OID},
	[DBM_SNAPSHOT_OLDEST_XID] = {"oldest_xid", INT8OID},
};

const DbmTable dbm_snapshot_table = {
	.name = "snapshot",
	.columns = snapshot_columns,
	.ncolumns = DBM_SNAPSHOT_COLUMNS,
	.primary_key = "snapshot_pkey",
	.sequence = "snapshot_id_seq",
};

static const DbmColumn snapshot_object_columns[] = {
	[DBM_SNAPSHOT_OBJECT_KIND] = {"kind", TEXTOID},
	[DBM_SNAPSHOT_OBJECT_IDENTITY] = {"identity", TEXTOID},
	[DBM_SNAPSHOT_OBJECT_SNAPSHOT] = {"snapshot", INT8OID},
	[DBM_SNAPSHOT_OBJECT_HASH] = {"hash", BYTEAOID},
};

const DbmTable dbm_snapshot_object_table = {
	.name = "snapshot_object",
	.columns = snapshot_object_columns,
	.ncolumns = DBM_SNAPSHOT_OBJECT_COLUMNS,
	.primary_key = "snapshot_object_pkey",
};

bool
dbm_snapshot_newest(DbmRow *row)
{
	DbmScan *scan = dbm_scan_begin(&dbm_snapshot_table, "snapshot_pkey", 0, NULL);
	bool found = dbm_scan_previous(scan, row);

	if (found)
		dbm_row_copy(row);
	dbm_scan_end(scan);
	return found;
}

bool
dbm_snapshot_object_hash(DbmObjectName name, int64 snapshot, uint8 *hash)
{
	ScanKeyData keys[3];
	DbmScan *scan;
	DbmRow row;
	bool found;

	ScanKeyInit(&keys[0], DBM_SNAPSHOT_OBJECT_KIND + 1, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(name.kind));
	ScanKeyInit(&keys[1], DBM_SNAPSHOT_OBJECT_IDENTITY + 1, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(name.identity));
	ScanKeyInit(&keys[2], DBM_SNAPSHOT_OBJECT_SNAPSHOT + 1, BTLessEqualStrategyNumber, F_INT8LE,
				Int64GetDatum(snapshot));
	scan = dbm_scan_begin(&dbm_snapshot_object_table, "snapshot_object_pkey", 3, keys);
	found = dbm_scan_previous(scan, &row) && dbm_row_digest(&row, DBM_SNAPSHOT_OBJECT_HASH, hash);
	dbm_scan_end(scan);
	return found;
}

bool
dbm_schema_object_stored(const uint8 *hash)
{
	ScanKeyData key;
	DbmScan *scan;
	DbmRow row;
	bool found;

	ScanKeyInit(&key, DBM_SCHEMA_OBJECT_HASH + 1, BTEqualStrategyNumber, F_BYTEAEQ,
				PointerGetDatum(dbm_bytea(hash, DBM_DIGEST_LENGTH)));
	scan = dbm_scan_begin(&dbm_schema_object_table, "schema_object_pkey", 1, &key);
	found = dbm_scan_next(scan, &row);
	dbm_scan_end(scan);
	return found;
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	const DbmObjectName *left = lfirst(a);
	const DbmObjectName *right = lfirst(b);
	int order = strcmp(left->kind, right->kind);

	return order != 0 ? order : strcmp(left->identity, right->identity);
}

List *
dbm_names_sorted(List *names)
{
	List *sorted = NIL;
	ListCell *cell;
	ListCell *last = NULL;

	list_sort(names, compare_names);
	foreach(cell, names)
	{
		if (last == NULL || compare_names(last, cell) != 0)
			sorted = lappend(sorted, lfirst(cell));
		last = cell;
	}
	return sorted;
}

List *
dbm_snapshot_names(int64 from, int64 to)
{
	ScanKeyData keys[2];
	DbmScan *scan;
	DbmRow row;
	List *names = NIL;

	ScanKeyInit(&keys[0], DBM_SNAPSHOT_OBJECT_SNAPSHOT + 1, BTGreaterStrategyNumber, F_INT8GT,
				Int64GetDatum(from));
	ScanKeyInit(&keys[1], DBM_SNAPSHOT_OBJECT_SNAPSHOT + 1, BTLessEqualStrategyNumber, F_INT8LE,
				Int64GetDatum(to));
	scan = dbm_scan_begin(&dbm_snapshot_object_table, "snapshot_object_snapshot_idx", 2, keys);
	while (dbm_scan_next(scan, &row))
	{
		DbmObjectName *name = palloc(sizeof(DbmObjectName));

		name->kind = dbm_row_text(&row, DBM_SNAPSHOT_OBJECT_KIND);
		name->identity = dbm_row_text(&row, DBM_SNAPSHOT_OBJECT_IDENTITY);
		names = lappend(names, name);
	}
	dbm_scan_end(scan);
	return dbm_names_sorted(names);
}

List *
dbm_snapshot_difference(int64 from, int64 to)
{
	List *changes = NIL;
	ListCell *cell;

	/* only what has a row between the two can differ */
	foreach(cell, dbm_snapshot_names(Min(from, to), Max(from, to)))
	{
		DbmObjectName *name = lfirst(cell);
		DbmObjectChange *change = palloc0(sizeof(DbmObjectChange));

		change->kind = name->kind;
		change->identity = name->identity;
		change->before_exists = dbm_snapshot_object_hash(*name, from, change->before);
		change->after_exists = dbm_snapshot_object_hash(*name, to, change->after);
		if (change->before_exists != change->after_exists ||
			memcmp(change->before, change->after, DBM_DIGEST_LENGTH) != 0)
			changes = lappend(changes, change);
	}
	return changes;
}
