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
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/environment.h"
#include "core/table.h"
#include "schema/adorned.h"
#include "schema/saved.h"
#include "schema/watched.h"
#include "schema/watcher.h"

/* Beyond this every session describes the schema itself. */
#define SAVED_LIMIT (64 * 1024 * 1024)

#define MAX_KINDS 256

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
 * expression otherwise; the sizes stand for the machine that bytes are laid out for.
 */
static char *
make_origin(void)
{
	return psprintf(
		"format %s, dbmaestro %s, server %s, %s, cluster %s, database %u, "
					"%d catalogs, entries of %d bytes",
		DBM_SCHEMA_FORMAT, DBM_VERSION, GetConfigOption("server_version_num", false, false),
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

typedef struct Output
{
	StringInfoData bytes;
	int nkinds;
	const char *kinds[MAX_KINDS];
} Output;

static void
put(Output *output, const void *bytes, int length)
{
	appendBinaryStringInfo(&output->bytes, bytes, length);
}

static void
put_int32(Output *output, int32 value)
{
	put(output, &value, sizeof(value));
}

static void
put_int64(Output *output, int64 value)
{
	put(output, &value, sizeof(value));
}

/* With its final zero byte. */
static void
put_string(Output *output, const char *string)
{
	int length = strlen(string) + 1;

	put_int32(output, length);
	put(output, string, length);
}

/* A kind as its number; the first time it is named as well. */
static void
put_kind(Output *output, const char *kind)
{
	int at = 0;

	while (at < output->nkinds && output->kinds[at] != kind && strcmp(output->kinds[at], kind) != 0)
		at++;
	put_int32(output, at);
	if (at < output->nkinds)
		return;
	if (at == MAX_KINDS)
		elog(ERROR, "too many kinds of objects");
	output->kinds[output->nkinds++] = kind;
	put_string(output, kind);
}

static void
put_object(Output *output, const DbmObject *object)
{
	put_kind(output, object->kind);
	put(output, object->hash, DBM_DIGEST_LENGTH);
	put_int32(output, object->bucket);
	put_int32(output, object->extra);
	put_string(output, object->identity);
}

static int
count_objects(const DbmUnit *unit)
{
	int count = 0;

	for (DbmObject *object = unit->objects; object; object = object->next_in_unit)
		count++;
	return count;
}

static void
put_unit(Output *output, const DbmUnit *unit)
{
	put(output, &unit->key, sizeof(DbmUnitKey));
	put_int32(output, unit->names ? unit->names_length : -1);
	if (unit->names)
		put(output, unit->names, unit->names_length);
	put_int32(output, unit->nmembers);
	put(output, unit->members, sizeof(DbmUnitKey) * unit->nmembers);
	put_int32(output, count_objects(unit));
	for (DbmObject *object = unit->objects; object; object = object->next_in_unit)
		put_object(output, object);
}

static void
put_units(Output *output, DbmLive *live)
{
	HASH_SEQ_STATUS status;
	DbmUnit *unit;

	put_int32(output, hash_get_num_entries(live->units));
	hash_seq_init(&status, live->units);
	while ((unit = hash_seq_search(&status)) != NULL)
		put_unit(output, unit);
}

static void
put_adornment(DbmUnitKey object, int adornments, void *output)
{
	put(output, &object, sizeof(DbmUnitKey));
	put_int32(output, adornments);
}

static void
put_pages(Output *output, const WatchedFile *file)
{
	put_int32(output, file->file);
	put_int32(output, file->nblocks);
	for (BlockNumber block = 0; block < file->nblocks; block++)
	{
		put_int32(output, file->pages[block].count);
		put(output, file->pages[block].entries, sizeof(PageEntry) * file->pages[block].count);
	}
}

static void
put_watcher(Output *output, const DbmWatcher *watcher)
{
	put_int64(output, dbm_watcher_threshold(watcher));
	put_int64(output, watcher->horizon.oldest_xid);
	for (int at = 0; at < dbm_watched_catalog_count; at++)
		put_pages(output, &watcher->files[at]);
}

static bool
fits(const DbmLive *live, const DbmWatcher *watcher)
{
	return MemoryContextMemAllocated(live->memory, true) +
			   MemoryContextMemAllocated(watcher->memory, true) <=
		   SAVED_LIMIT;
}

static void
store(DbmRow *row)
{
	DbmRow before;
	ItemPointerData tid;

	if (dbm_table_get_int64(&dbm_schema_saved_table, THE_ROW, &before, &tid))
		dbm_table_update(row, &tid);
	else
		dbm_table_insert(row);
}

void
dbm_saved_write(DbmLive *live, const DbmWatcher *watcher, int64 snapshot)
{
	Output *output;
	DbmRow *row;

	if (!fits(live, watcher) || !dbm_table_try_lock(&dbm_schema_saved_table))
		return;
	output = palloc0(sizeof(Output));
	initStringInfo(&output->bytes);
	put_int32(output, dbm_adorned_count(live->adorned));
	dbm_adorned_each(live->adorned, put_adornment, output);
	put_units(output, live);
	put_watcher(output, watcher);

	row = dbm_row_make(&dbm_schema_saved_table);
	dbm_row_set_int64(row, SAVED_ID, THE_ROW);
	dbm_row_set_text(row, SAVED_ORIGIN, make_origin());
	dbm_row_set_int64(row, SAVED_SNAPSHOT, snapshot);
	dbm_row_set(row, SAVED_UNITS, Int32GetDatum(hash_get_num_entries(live->units)));
	dbm_row_set(row, SAVED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_int64(row, SAVED_CHECKSUM, checksum_of(output->bytes.data, output->bytes.len));
	dbm_row_set_bytes(row, SAVED_STATE, (uint8 *) output->bytes.data, output->bytes.len);
	store(row);
}

/* ---- reading ---- */

typedef struct Input
{
	const char *at;
	const char *end;
	int nkinds;
	char *kinds[MAX_KINDS];
	DbmLive *live;
	DbmReceiver *receiver;
} Input;

/* The checksum was right, so this cannot happen; it must not read beyond the end if it does. */
static const void *
take(Input *input, int64 length)
{
	const char *bytes = input->at;

	if (length < 0 || length > input->end - bytes)
		elog(ERROR, "saved schema ends too early");
	input->at += length;
	return bytes;
}

static int32
take_int32(Input *input)
{
	int32 value;

	memcpy(&value, take(input, sizeof(value)), sizeof(value));
	return value;
}

static int64
take_int64(Input *input)
{
	int64 value;

	memcpy(&value, take(input, sizeof(value)), sizeof(value));
	return value;
}

static const char *
take_string(Input *input)
{
	int length = take_int32(input);
	const char *string = take(input, length);

	if (length < 1 || string[length - 1] != '\0')
		elog(ERROR, "saved schema has a string without end");
	return string;
}

static DbmUnitKey
take_key(Input *input)
{
	DbmUnitKey key;

	memcpy(&key, take(input, sizeof(key)), sizeof(key));
	return key;
}

static const char *
take_kind(Input *input)
{
	int at = take_int32(input);

	if (at < 0 || at > input->nkinds || at >= MAX_KINDS)
		elog(ERROR, "saved schema has an unknown kind of object");
	if (at == input->nkinds)
		input->kinds[input->nkinds++] = MemoryContextStrdup(input->live->memory,
															take_string(input));
	return input->kinds[at];
}

static void
take_object(Input *input)
{
	DbmDraft draft = {0};

	draft.kind = take_kind(input);
	memcpy(draft.hash, take(input, DBM_DIGEST_LENGTH), DBM_DIGEST_LENGTH);
	draft.bucket = take_int32(input);
	if (draft.bucket < 0 || draft.bucket >= DBM_BUCKETS)
		elog(ERROR, "saved schema has an object in bucket %d", draft.bucket);
	draft.extra = take_int32(input) != 0;
	draft.identity = take_string(input);
	input->receiver->object(input->receiver, &draft);
}

static void
take_unit(Input *input)
{
	DbmReceiver *receiver = input->receiver;
	int count;

	receiver->unit_begin(receiver, take_key(input));
	count = take_int32(input);
	if (count >= 0)
		receiver->names(receiver, take(input, count), count);
	count = take_int32(input);
	for (int at = 0; at < count; at++)
		receiver->member(receiver, take_key(input));
	count = take_int32(input);
	for (int at = 0; at < count; at++)
		take_object(input);
	receiver->unit_end(receiver);
}

static void
take_units(Input *input)
{
	MemoryContext unit = AllocSetContextCreate(CurrentMemoryContext, "dbmaestro saved unit",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(unit);
	int count = take_int32(input);

	for (int at = 0; at < count; at++)
	{
		CHECK_FOR_INTERRUPTS();
		take_unit(input);
		MemoryContextReset(unit);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(unit);
}

static void
take_adornments(Input *input)
{
	MemoryContext caller = MemoryContextSwitchTo(input->live->memory);
	int count = take_int32(input);

	input->live->adorned = dbm_adorned_make();
	for (int at = 0; at < count; at++)
	{
		DbmUnitKey key = take_key(input);

		dbm_adorned_add(input->live->adorned, key, take_int32(input));
	}
	MemoryContextSwitchTo(caller);
}

static void
take_page(Input *input, DbmWatcher *watcher, WatchedPage *page)
{
	Size size;

	page->count = take_int32(input);
	page->buffer = InvalidBuffer;
	page->entries = NULL;
	if (page->count == 0)
		return;
	size = sizeof(PageEntry) * page->count;
	page->entries = MemoryContextAlloc(watcher->memory, size);
	memcpy(page->entries, take(input, size), size);
}

static void
take_file(Input *input, DbmWatcher *watcher, WatchedFile *file)
{
	BlockNumber nblocks;

	file->file = take_int32(input);
	nblocks = take_int32(input);
	file->pages = MemoryContextAllocHuge(watcher->memory, sizeof(WatchedPage) * Max(nblocks, 1));
	for (file->nblocks = 0; file->nblocks < nblocks; file->nblocks++)
		take_page(input, watcher, &file->pages[file->nblocks]);
}

/* As if the session that saved it had gone on, and its transaction were over. */
static void
take_watcher(Input *input, DbmWatcher *watcher)
{
	Look look = {0};

	look.position = take_int64(input);
	watcher->oldest_xid = take_int64(input);
	for (int at = 0; at < dbm_watched_catalog_count; at++)
		take_file(input, watcher, &watcher->files[at]);
	watcher->looks[0] = look;
	watcher->nlooks = 1;
}

static bool
is_whole(Input *input, const DbmRow *row)
{
	bytea *state = DatumGetByteaPP(row->values[SAVED_STATE]);

	input->at = VARDATA_ANY(state);
	input->end = input->at + VARSIZE_ANY_EXHDR(state);
	return checksum_of(input->at, input->end - input->at) ==
		   (pg_crc32c) dbm_row_int64(row, SAVED_CHECKSUM);
}

static DbmLive *
take_live(Input *input, const DbmRow *row, DbmWatcher *watcher)
{
	DbmLive *live = dbm_live_make(CurrentMemoryContext);

	input->live = live;
	input->receiver = dbm_live_receiver(live);
	take_adornments(input);
	take_units(input);
	take_watcher(input, watcher);
	/* committed with this row, so it is there to stay */
	live->journal.base = dbm_row_int64(row, SAVED_SNAPSHOT);
	return live;
}

DbmLive *
dbm_saved_read(MemoryContext parent, DbmWatcher *watcher)
{
	Input input = {0};
	DbmRow row;
	ItemPointerData tid;
	DbmLive *live;

	if (!dbm_table_get_int64(&dbm_schema_saved_table, THE_ROW, &row, &tid) ||
		strcmp(dbm_row_text(&row, SAVED_ORIGIN), make_origin()) != 0)
		return NULL;
	if (!is_whole(&input, &row))
	{
		ereport(WARNING, (errcode(ERRCODE_DATA_CORRUPTED),
						  errmsg("the saved schema does not match its checksum"),
						  errdetail("Table dbmaestro.%s is damaged.  The schema is read from the "
									"catalogs instead, which takes longer.",
									dbm_schema_saved_table.name)));
		return NULL;
	}
	live = take_live(&input, &row, watcher);
	MemoryContextSetParent(live->memory, parent);
	ereport(DEBUG1, (errmsg_internal("schema as saved at snapshot %lld, %d objects",
									 (long long) live->journal.base, live->object_count)));
	return live;
}
