/*
 * schema/saved_bytes.c: the live schema and the watcher as bytes and back
 *
 * Bytes are laid out as in memory: they are read by the same library on the
 * same machine, or not at all.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "schema/adorned.h"
#include "schema/saved_bytes.h"
#include "schema/watched.h"
#include "schema/watcher.h"

#define MAX_KINDS 256

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
	put_int32(output, unit->hidden);
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

	hash_seq_init(&status, live->units);
	while ((unit = hash_seq_search(&status)) != NULL)
		put_unit(output, unit);
}

/* Hashing all of it again would cost more than reading it. */
static void
put_hashes(Output *output, DbmLive *live, DbmTree tree)
{
	put(output, dbm_live_root(live, tree), DBM_DIGEST_LENGTH);
	for (int group = 0; group < DBM_GROUPS; group++)
		put(output, live->groups[tree][group].hash, DBM_DIGEST_LENGTH);
	for (int bucket = 0; bucket < DBM_BUCKETS; bucket++)
		if (live->buckets[tree][bucket].objects)
			put(output, live->buckets[tree][bucket].hash, DBM_DIGEST_LENGTH);
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

/* First what decides whether the rest is of use, and how much of it there is. */
static void
put_header(Output *output, DbmLive *live, const DbmWatcher *watcher)
{
	put_int64(output, dbm_watcher_threshold(watcher));
	put_int64(output, watcher->horizon.oldest_xid);
	put_int32(output, hash_get_num_entries(live->units));
	put_int32(output, hash_get_num_entries(live->members));
	put_int32(output, dbm_adorned_count(live->adorned));
}

static void
put_files(Output *output, const DbmWatcher *watcher)
{
	for (int at = 0; at < dbm_watched_catalog_count; at++)
		put_pages(output, &watcher->files[at]);
}

StringInfo
dbm_saved_pack(DbmLive *live, const DbmWatcher *watcher)
{
	Output *output = palloc0(sizeof(Output));

	initStringInfo(&output->bytes);
	put_header(output, live, watcher);
	dbm_adorned_each(live->adorned, put_adornment, output);
	put_units(output, live);
	for (int tree = 0; tree < DBM_TREES; tree++)
		put_hashes(output, live, tree);
	put_files(output, watcher);
	return &output->bytes;
}

/* ---- reading ---- */

typedef struct Header
{
	XLogRecPtr threshold;
	uint64 oldest_xid;
	int units;
	int members;
	int adorned;
} Header;

typedef struct Input
{
	const char *at;
	const char *end;
	int nkinds;
	char *kinds[MAX_KINDS];
	DbmLive *live;
	DbmReceiver *receiver;
} Input;

/* The checksum was right, so whoever wrote this meant it; it is not followed all the same. */
static void
refuse(const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg_internal("%s", detail)));
}

static const void *
take(Input *input, int64 length)
{
	const char *bytes = input->at;

	if (length < 0 || length > input->end - bytes)
		refuse("it ends too early");
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

/* How many of something follow, each of so many bytes at least. */
static int
take_count(Input *input, int size)
{
	int count = take_int32(input);

	if (count < 0 || count > (input->end - input->at) / size)
		refuse("it ends too early");
	return count;
}

static const char *
take_string(Input *input)
{
	int length = take_int32(input);
	const char *string = take(input, length);

	if (length < 1 || string[length - 1] != '\0')
		refuse("it has a string without end");
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
		refuse("it has an unknown kind of object");
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
		refuse("it has an object in no bucket");
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
	if (take_int32(input) != 0)
		receiver->hidden(receiver);
	count = take_count(input, sizeof(DbmUnitKey));
	for (int at = 0; at < count; at++)
		receiver->member(receiver, take_key(input));
	count = take_count(input, DBM_DIGEST_LENGTH);
	for (int at = 0; at < count; at++)
		take_object(input);
	receiver->unit_end(receiver);
}

static void
take_units(Input *input, int count)
{
	MemoryContext unit = AllocSetContextCreate(CurrentMemoryContext, "dbmaestro saved unit",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(unit);

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
take_hash(Input *input, uint8 *hash, bool *stale)
{
	memcpy(hash, take(input, DBM_DIGEST_LENGTH), DBM_DIGEST_LENGTH);
	*stale = false;
}

/* Buckets without objects stay stale, which matters to nobody before their group is. */
static void
take_hashes(Input *input, DbmTree tree)
{
	DbmLive *live = input->live;

	take_hash(input, live->roots[tree], &live->stale[tree]);
	for (int group = 0; group < DBM_GROUPS; group++)
		take_hash(input, live->groups[tree][group].hash, &live->groups[tree][group].stale);
	for (int bucket = 0; bucket < DBM_BUCKETS; bucket++)
		if (live->buckets[tree][bucket].objects)
			take_hash(input, live->buckets[tree][bucket].hash, &live->buckets[tree][bucket].stale);
}

static void
take_adornments(Input *input, int count)
{
	MemoryContext caller = MemoryContextSwitchTo(input->live->memory);

	input->live->adorned = dbm_adorned_make(count);
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
	int count = take_count(input, sizeof(PageEntry));
	Size size = sizeof(PageEntry) * count;

	page->count = 0;
	page->buffer = InvalidBuffer;
	page->entries = NULL;
	if (count == 0)
		return;
	page->entries = MemoryContextAlloc(watcher->memory, size);
	memcpy(page->entries, take(input, size), size);
	page->count = count;
}

static void
take_file(Input *input, DbmWatcher *watcher, WatchedFile *file)
{
	BlockNumber nblocks;

	file->file = take_int32(input);
	nblocks = take_count(input, sizeof(int32));
	file->pages = MemoryContextAllocHuge(watcher->memory, sizeof(WatchedPage) * Max(nblocks, 1));
	for (file->nblocks = 0; file->nblocks < nblocks; file->nblocks++)
		take_page(input, watcher, &file->pages[file->nblocks]);
}

static Header
take_header(Input *input)
{
	Header header;

	header.threshold = take_int64(input);
	header.oldest_xid = take_int64(input);
	header.units = take_count(input, sizeof(DbmUnitKey));
	header.members = take_count(input, sizeof(DbmUnitKey));
	header.adorned = take_count(input, sizeof(DbmUnitKey));
	return header;
}

/*
 * Did the log or the transaction ids begin anew behind what it was read at, as
 * pg_resetwal may have them?  Then nothing tells old pages from new.
 */
static bool
is_of_the_future(const Header *header)
{
	return header->threshold > GetXLogInsertRecPtr() ||
		   header->oldest_xid > U64FromFullTransactionId(ReadNextFullTransactionId());
}

DbmLive *
dbm_saved_unpack(const char *bytes, int length, int64 snapshot, DbmWatcher *watcher)
{
	Input *input = palloc0(sizeof(Input));
	Header header;
	DbmLive *live;

	input->at = bytes;
	input->end = bytes + length;
	header = take_header(input);
	if (is_of_the_future(&header))
		return NULL;
	live = dbm_live_make(CurrentMemoryContext, header.units, header.members);
	input->live = live;
	input->receiver = dbm_live_receiver(live);
	take_adornments(input, header.adorned);
	take_units(input, header.units);
	for (int tree = 0; tree < DBM_TREES; tree++)
		take_hashes(input, tree);
	for (int at = 0; at < dbm_watched_catalog_count; at++)
		take_file(input, watcher, &watcher->files[at]);
	/* as if the session that saved it had gone on, and its transaction were over */
	dbm_watcher_resume(watcher, header.threshold, header.oldest_xid);
	live->journal.base = snapshot;
	return live;
}
