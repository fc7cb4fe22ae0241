/*
 * schema/saved.c: the live schema as one session leaves it to the next
 *
 * One row with what live.h and watcher.h hold, and from which position in the
 * log on pages have to be looked at again.  It is written in the transaction
 * whose changes it may know of, so whoever can read it can see these as well;
 * and what was done since, by whomever, has left its position on the pages,
 * through crashes, backups and promotions.  A copy of the database has the
 * same pages but another number, and does not take it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/environment.h"
#include "core/table.h"
#include "schema/saved.h"
#include "schema/saved_bytes.h"
#include "schema/watched.h"
#include "schema/watcher.h"

/* Beyond this every session describes the schema itself. */
#define SAVED_LIMIT (64 * 1024 * 1024)

typedef enum SavedColumn
{
	SAVED_ID,
	SAVED_ORIGIN,
	SAVED_SNAPSHOT,
	SAVED_UNITS,
	SAVED_AT,
	SAVED_CHECKSUM,
	SAVED_STATE,
	SAVED_COLUMNS
} SavedColumn;

static const DbmColumn saved_columns[] = {
	[SAVED_ID] = {"id", INT8OID},
	[SAVED_ORIGIN] = {"origin", TEXTOID},
	[SAVED_SNAPSHOT] = {"snapshot", INT8OID},
	[SAVED_UNITS] = {"units", INT4OID},
	[SAVED_AT] = {"saved_at", TIMESTAMPTZOID},
	[SAVED_CHECKSUM] = {"checksum", INT8OID},
	[SAVED_STATE] = {"state", BYTEAOID},
};

const DbmTable dbm_schema_saved_table = {
	.name = "schema_saved",
	.columns = saved_columns,
	.ncolumns = SAVED_COLUMNS,
	.primary_key = "schema_saved_pkey",
};

/* There is one row. */
#define THE_ROW 1

/*
 * What must be the same where it is read.  A minor version may write an
 * expression otherwise, and so may this library when it is built from other
 * sources; the sizes stand for the machine that bytes are laid out for.
 */
static char *
make_origin(void)
{
	return psprintf(
		"format %s, dbmaestro %s of sources %s, server %s, %s, cluster %s, database %u, "
		"%d catalogs, entries of %d bytes",
		DBM_SCHEMA_FORMAT, DBM_VERSION, DBM_SCHEMA_SOURCES,
		GetConfigOption("server_version_num", false, false),
#ifdef WORDS_BIGENDIAN
		"big-endian",
#else
		"little-endian",
#endif
		dbm_system_identifier(), MyDatabaseId, dbm_watched_catalog_count, (int) sizeof(PageEntry));
}

static pg_crc32c
checksum_of(const char *bytes, int length)
{
	pg_crc32c crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, bytes, length);
	FIN_CRC32C(crc);
	return crc;
}

/* ---- writing ---- */

static bool
fits(const DbmLive *live, const DbmWatcher *watcher)
{
	return MemoryContextMemAllocated(live->memory, true) +
			   MemoryContextMemAllocated(watcher->memory, true) <=
		   SAVED_LIMIT;
}

/* Scans for the one row, without taking it out of storage. */
static DbmScan *
scan_saved(void)
{
	ScanKeyData key;

	ScanKeyInit(&key, SAVED_ID + 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(THE_ROW));
	return dbm_scan_begin(&dbm_schema_saved_table, dbm_schema_saved_table.primary_key, 1, &key);
}

static void
store(const DbmRow *row)
{
	DbmScan *scan = scan_saved();
	DbmRow before;
	bool found = dbm_scan_next(scan, &before);
	ItemPointerData tid;

	if (found)
		tid = dbm_scan_tid(scan);
	dbm_scan_end(scan);
	if (found)
		dbm_table_update(row, &tid);
	else
		dbm_table_insert(row);
}

bool
dbm_saved_write(DbmLive *live, const DbmWatcher *watcher, int64 snapshot)
{
	StringInfo bytes;
	DbmRow *row;

	if (!fits(live, watcher) || !dbm_table_try_lock(&dbm_schema_saved_table))
		return false;
	bytes = dbm_saved_pack(live, watcher);
	row = dbm_row_make(&dbm_schema_saved_table);
	dbm_row_set_int64(row, SAVED_ID, THE_ROW);
	dbm_row_set_text(row, SAVED_ORIGIN, make_origin());
	dbm_row_set_int64(row, SAVED_SNAPSHOT, snapshot);
	dbm_row_set(row, SAVED_UNITS, Int32GetDatum(hash_get_num_entries(live->units)));
	dbm_row_set(row, SAVED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_int64(row, SAVED_CHECKSUM, checksum_of(bytes->data, bytes->len));
	dbm_row_set_bytes(row, SAVED_STATE, (uint8 *) bytes->data, bytes->len);
	store(row);
	return true;
}

/* ---- reading ---- */

static void
warn_of_damage(const char *how)
{
	ereport(WARNING,
			(errcode(ERRCODE_DATA_CORRUPTED), errmsg("the saved schema cannot be used: %s", how),
			 errdetail("Table dbmaestro.%s is damaged.  The schema is read from the "
					   "catalogs instead, which takes longer.",
					   dbm_schema_saved_table.name)));
}

/* Returns NULL for what cannot be read, and says so. */
static DbmLive *
read_state(const char *bytes, int length, int64 snapshot, DbmWatcher *watcher)
{
	MemoryContext caller = CurrentMemoryContext;
	DbmLive *volatile live = NULL;

	PG_TRY();
	{
		live = dbm_saved_unpack(bytes, length, snapshot, watcher);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		/* nothing but memory is held then */
		if (error->sqlerrcode != ERRCODE_DATA_CORRUPTED)
			PG_RE_THROW();
		FlushErrorState();
		warn_of_damage(error->message);
	}
	PG_END_TRY();
	return live;
}

static DbmLive *
read_row(const DbmRow *row, DbmWatcher *watcher)
{
	bytea *state;
	int length;

	if (strcmp(dbm_row_text(row, SAVED_ORIGIN), make_origin()) != 0)
		return NULL;
	state = DatumGetByteaPP(row->values[SAVED_STATE]);
	length = VARSIZE_ANY_EXHDR(state);
	if (checksum_of(VARDATA_ANY(state), length) != (pg_crc32c) dbm_row_int64(row, SAVED_CHECKSUM))
	{
		warn_of_damage("it does not match its checksum");
		return NULL;
	}
	/* the snapshot is committed with this row, so it is there to stay */
	return read_state(VARDATA_ANY(state), length, dbm_row_int64(row, SAVED_SNAPSHOT), watcher);
}

DbmLive *
dbm_saved_read(MemoryContext parent, DbmWatcher *watcher)
{
	DbmScan *scan = scan_saved();
	DbmLive *live = NULL;
	DbmRow row;

	if (dbm_scan_next(scan, &row))
		live = read_row(&row, watcher);
	dbm_scan_end(scan);
	if (live == NULL)
		return NULL;
	MemoryContextSetParent(live->memory, parent);
	ereport(DEBUG1, (errmsg_internal("schema as saved at snapshot %lld, %d objects",
									 (long long) live->journal.base, live->object_count)));
	return live;
}
