/*
 * schema/record.c: writing down what changed since the newest snapshot
 *
 * The live schema keeps a journal of the names it saw change since a snapshot
 * that is known to be committed.  Where that helps, only these are compared
 * with the tables; otherwise every name is.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/transam.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/pg_lsn.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/actor.h"
#include "core/compat.h"
#include "core/environment.h"
#include "core/own_writes.h"
#include "schema/current.h"
#include "schema/journal.h"
#include "schema/schema.h"
#include "schema/store.h"

#define MAX_ROUNDS 3

/* An object that is not as the newest snapshot has it; object NULL: dropped. */
typedef struct Difference
{
	DbmObjectName name;
	DbmObject *object;
} Difference;

/* A state that is not stored yet. */
typedef struct NewState
{
	uint8 hash[DBM_DIGEST_LENGTH];	/* hash key, first */
	DbmObject *object;
	char *body;					/* NULL: to be described again */
	int length;
} NewState;

/* ---- what differs ---- */

static void
add_difference(List **differences, DbmObjectName name, DbmObject *object)
{
	Difference *difference = palloc(sizeof(Difference));

	difference->name = name;
	difference->object = object;
	*differences = lappend(*differences, difference);
}

static bool
same_state(DbmObject *object, bool recorded, const uint8 *hash)
{
	if (object == NULL)
		return !recorded;
	return recorded && memcmp(object->hash, hash, DBM_DIGEST_LENGTH) == 0;
}

/* Compares the named objects with the tables. */
static List *
compare_names(DbmLive *live, List *names)
{
	List *differences = NIL;
	ListCell *cell;

	foreach(cell, dbm_names_sorted(names))
	{
		DbmObjectName *name = lfirst(cell);
		DbmObject *object = dbm_live_object(live, name->kind, name->identity);
		uint8 hash[DBM_DIGEST_LENGTH];
		bool recorded = dbm_snapshot_object_hash(*name, PG_INT64_MAX, hash);

		if (!same_state(object, recorded, hash))
			add_difference(&differences, *name, object);
	}
	return differences;
}

/* One name of the tables with its newest state. */
static void
compare_recorded(DbmLive *live, List **differences, const DbmRow *row)
{
	DbmObjectName name = {dbm_row_text(row, DBM_SNAPSHOT_OBJECT_KIND),
						  dbm_row_text(row, DBM_SNAPSHOT_OBJECT_IDENTITY)};
	DbmObject *object = dbm_live_object(live, name.kind, name.identity);
	uint8 hash[DBM_DIGEST_LENGTH];
	bool recorded = dbm_row_digest(row, DBM_SNAPSHOT_OBJECT_HASH, hash);

	if (object)
		object->seen = true;
	if (!same_state(object, recorded, hash))
		add_difference(differences, name, object);
}

static bool
same_name(const DbmRow *a, const DbmRow *b)
{
	return strcmp(dbm_row_text(a, DBM_SNAPSHOT_OBJECT_KIND),
				  dbm_row_text(b, DBM_SNAPSHOT_OBJECT_KIND)) == 0 &&
		   strcmp(dbm_row_text(a, DBM_SNAPSHOT_OBJECT_IDENTITY),
				  dbm_row_text(b, DBM_SNAPSHOT_OBJECT_IDENTITY)) == 0;
}

static void
add_unseen(DbmObject *object, void *differences)
{
	DbmObjectName name = {object->kind, object->identity};

	if (!object->seen)
		add_difference(differences, name, object);
}

static void
forget_seen(DbmObject *object, void *unused)
{
	object->seen = false;
}

/* Compares everything: the index brings the rows of each name together, the newest last. */
static List *
compare_all(DbmLive *live)
{
	List *differences = NIL;
	DbmScan *scan = dbm_scan_begin(&dbm_snapshot_object_table, "snapshot_object_pkey", 0, NULL);
	DbmRow row;
	DbmRow last;
	bool any = false;

	dbm_live_each(live, forget_seen, NULL);
	while (dbm_scan_next(scan, &row))
	{
		dbm_row_copy(&row);
		if (any && !same_name(&last, &row))
			compare_recorded(live, &differences, &last);
		last = row;
		any = true;
	}
	if (any)
		compare_recorded(live, &differences, &last);
	dbm_scan_end(scan);
	dbm_live_each(live, add_unseen, &differences);
	return differences;
}

static List *
find_differences(DbmLive *live, int64 newest)
{
	List *names = NIL;

	if (dbm_journal_names(live, newest, &names))
		return compare_names(live, names);
	return compare_all(live);
}

/* ---- bodies of what is new ---- */

typedef struct BodyReceiver
{
	DbmReceiver receiver;
	DbmAdorned *adorned;
	HTAB *states;
} BodyReceiver;

static void
take_body(DbmReceiver *receiver, const DbmDraft *draft)
{
	BodyReceiver *self = (BodyReceiver *) receiver;
	NewState *state = hash_search(self->states, draft->hash, HASH_FIND, NULL);

	if (state == NULL || state->body)
		return;
	state->length = draft->body->len;
	state->body = MemoryContextAlloc(GetMemoryChunkContext(self), Max(state->length, 1));
	memcpy(state->body, draft->body->data, state->length);
}

/* Collects the states that are not stored, with their bodies where these are at hand. */
static HTAB *
collect_states(DbmLive *live, List *differences, bool none_stored)
{
	HASHCTL control = {
		.keysize = DBM_DIGEST_LENGTH, .entrysize = sizeof(NewState), .hcxt = CurrentMemoryContext};
	HTAB *states = hash_create("dbmaestro new object states", 256, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ListCell *cell;

	foreach(cell, differences)
	{
		DbmObject *object = ((Difference *) lfirst(cell))->object;
		const DbmRecentBody *recent;
		NewState *state;

		if (object == NULL || (!none_stored && dbm_schema_object_stored(object->hash)))
			continue;
		state = hash_search(states, object->hash, HASH_ENTER, NULL);
		state->object = object;
		recent = dbm_live_recent(live, object->hash);
		state->body = recent ? recent->body : NULL;
		state->length = recent ? recent->length : 0;
	}
	return states;
}

static int
compare_unit_keys(const ListCell *a, const ListCell *b)
{
	return memcmp(lfirst(a), lfirst(b), sizeof(DbmUnitKey));
}

static void
describe_units(DbmPass *pass, HTAB *states)
{
	HASH_SEQ_STATUS status;
	NewState *state;
	List *keys = NIL;
	ListCell *cell;
	DbmUnitKey *last = NULL;
	MemoryContext scratch = MemoryContextSwitchTo(dbm_pass_memory(pass));

	hash_seq_init(&status, states);
	while ((state = hash_seq_search(&status)) != NULL)
		if (state->body == NULL)
			keys = lappend(keys, &state->object->unit);
	list_sort(keys, compare_unit_keys);
	MemoryContextSwitchTo(scratch);
	foreach(cell, keys)
	{
		DbmUnitKey *key = lfirst(cell);

		if (last == NULL || memcmp(last, key, sizeof(DbmUnitKey)) != 0)
			dbm_pass_unit(pass, *key);
		last = key;
	}
}

static bool
lacks_bodies(HTAB *states)
{
	HASH_SEQ_STATUS status;
	NewState *state;
	bool lacks = false;

	hash_seq_init(&status, states);
	while ((state = hash_seq_search(&status)) != NULL)
		lacks = lacks || state->body == NULL;
	return lacks;
}

/* Describes the units of the new states again to get at the bodies; false: they changed. */
static bool
fetch_bodies(void *arg)
{
	BodyReceiver *receiver = arg;
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	DbmPass *pass;

	pass = dbm_pass_begin(snapshot, &receiver->receiver, receiver->adorned);
	describe_units(pass, receiver->states);
	dbm_pass_end(pass);
	UnregisterSnapshot(snapshot);

	return !lacks_bodies(receiver->states);
}

/* False if the schema changed meanwhile. */
static bool
complete_bodies(DbmLive *live, HTAB *states)
{
	BodyReceiver *receiver;

	if (!lacks_bodies(states))
		return true;
	receiver = palloc0(sizeof(BodyReceiver));
	receiver->receiver.object = take_body;
	receiver->adorned = live->adorned;
	receiver->states = states;
	return dbm_attempt(fetch_bodies, receiver, false);
}

/* ---- writing ---- */

static int
compare_states(const void *a, const void *b)
{
	return memcmp((*(NewState *const *) a)->hash, (*(NewState *const *) b)->hash,
				  DBM_DIGEST_LENGTH);
}

/* Stores new states in the order of their hashes, which is kind to the index. */
static void
write_states(HTAB *states)
{
	long count = hash_get_num_entries(states);
	NewState **sorted;
	HASH_SEQ_STATUS status;
	NewState *state;
	DbmWriter *writer;
	long at = 0;

	if (count == 0)
		return;
	sorted = palloc(sizeof(NewState *) * count);
	hash_seq_init(&status, states);
	while ((state = hash_seq_search(&status)) != NULL)
		sorted[at++] = state;
	qsort(sorted, count, sizeof(NewState *), compare_states);

	writer = dbm_writer_begin(&dbm_schema_object_table);
	for (at = 0; at < count; at++)
	{
		DbmRow *row = dbm_row_make(&dbm_schema_object_table);

		state = sorted[at];
		dbm_row_set_digest(row, DBM_SCHEMA_OBJECT_HASH, state->hash);
		dbm_row_set_text(row, DBM_SCHEMA_OBJECT_KIND, state->object->kind);
		dbm_row_set_text(row, DBM_SCHEMA_OBJECT_IDENTITY, state->object->identity);
		dbm_row_set_bytes(row, DBM_SCHEMA_OBJECT_BODY, (uint8 *) state->body, state->length);
		dbm_writer_insert(writer, row);
		pfree(row);
	}
	dbm_writer_end(writer);
}

static int
compare_differences(const ListCell *a, const ListCell *b)
{
	const DbmObjectName *left = &((const Difference *) lfirst(a))->name;
	const DbmObjectName *right = &((const Difference *) lfirst(b))->name;
	int order = strcmp(left->kind, right->kind);

	return order != 0 ? order : strcmp(left->identity, right->identity);
}

static void
write_differences(int64 id, List *differences)
{
	DbmWriter *writer;
	ListCell *cell;

	if (differences == NIL)
		return;
	list_sort(differences, compare_differences);
	writer = dbm_writer_begin(&dbm_snapshot_object_table);
	foreach(cell, differences)
	{
		Difference *difference = lfirst(cell);
		DbmRow *row = dbm_row_make(&dbm_snapshot_object_table);

		dbm_row_set_text(row, DBM_SNAPSHOT_OBJECT_KIND, difference->name.kind);
		dbm_row_set_text(row, DBM_SNAPSHOT_OBJECT_IDENTITY, difference->name.identity);
		dbm_row_set_int64(row, DBM_SNAPSHOT_OBJECT_SNAPSHOT, id);
		if (difference->object)
			dbm_row_set_digest(row, DBM_SNAPSHOT_OBJECT_HASH, difference->object->hash);
		dbm_writer_insert(writer, row);
		pfree(row);
	}
	dbm_writer_end(writer);
}

static void
set_horizon(DbmRow *row)
{
	DbmHorizon horizon;

	dbm_current_horizon(&horizon);
	dbm_row_set_text(row, DBM_SNAPSHOT_FORMAT, DBM_SCHEMA_FORMAT);
	dbm_row_set(row, DBM_SNAPSHOT_SERVER_VERSION,
				Int32GetDatum(atoi(GetConfigOption("server_version_num", false, false))));
	dbm_row_set_text(row, DBM_SNAPSHOT_SYSTEM_IDENTIFIER, dbm_system_identifier());
	dbm_row_set(row, DBM_SNAPSHOT_DATABASE, ObjectIdGetDatum(MyDatabaseId));
	dbm_row_set(row, DBM_SNAPSHOT_TIMELINE, Int32GetDatum(GetWALInsertionTimeLine()));
	dbm_row_set_text(row, DBM_SNAPSHOT_LOG_POSITION,
					 psprintf("%X/%08X", LSN_FORMAT_ARGS(horizon.position)));
	dbm_row_set_int64(row, DBM_SNAPSHOT_NEXT_XID, horizon.next_xid);
	dbm_row_set_int64(row, DBM_SNAPSHOT_OLDEST_XID, horizon.oldest_xid);
}

static void
write_snapshot(int64 id, int64 parent, DbmLive *live, int changed, const char *label,
			   int64 deployment)
{
	DbmRow *row = dbm_row_make(&dbm_snapshot_table);
	DbmActor actor;

	dbm_actor_get(&actor);
	dbm_row_set_int64(row, DBM_SNAPSHOT_ID, id);
	if (parent > 0)
		dbm_row_set_int64(row, DBM_SNAPSHOT_PARENT, parent);
	dbm_row_set_digest(row, DBM_SNAPSHOT_ROOT, dbm_live_root(live, DBM_TREE_SCHEMA));
	dbm_row_set_digest(row, DBM_SNAPSHOT_EXTRA_ROOT, dbm_live_root(live, DBM_TREE_EXTRA));
	dbm_row_set(row, DBM_SNAPSHOT_OBJECTS, Int32GetDatum(live->object_count));
	dbm_row_set(row, DBM_SNAPSHOT_CHANGED, Int32GetDatum(changed));
	dbm_row_set_text(row, DBM_SNAPSHOT_LABEL, label);
	if (deployment > 0)
		dbm_row_set_int64(row, DBM_SNAPSHOT_DEPLOYMENT, deployment);
	dbm_row_set(row, DBM_SNAPSHOT_TAKEN_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_text(row, DBM_SNAPSHOT_TAKEN_BY, actor.authenticated_name);
	set_horizon(row);
	dbm_table_insert(row);
}

/* ---- the newest snapshot ---- */

/* The newest snapshot, as it was found or written last; id 0: there is none. */
static struct
{
	bool valid;
	DbmMoment moment;			/* good until this has passed */
	int64 id;
	bool whole;					/* has both roots */
	uint8 roots[DBM_TREES][DBM_DIGEST_LENGTH];
} newest_known;

static void
note_written(int64 id, DbmLive *live)
{
	newest_known.id = id;
	newest_known.whole = true;
	for (int tree = 0; tree < DBM_TREES; tree++)
		memcpy(newest_known.roots[tree], dbm_live_root(live, tree), DBM_DIGEST_LENGTH);
	newest_known.moment = dbm_moment();
	newest_known.valid = true;
}

static void
find_newest(void)
{
	DbmRow row;

	if (newest_known.valid && !dbm_moment_passed(newest_known.moment))
		return;
	newest_known.valid = false;
	newest_known.moment = dbm_moment();
	newest_known.id = 0;
	newest_known.whole = false;
	if (dbm_snapshot_newest(&row))
	{
		newest_known.id = dbm_row_int64(&row, DBM_SNAPSHOT_ID);
		newest_known.whole = dbm_row_digest(&row, DBM_SNAPSHOT_ROOT,
											newest_known.roots[DBM_TREE_SCHEMA]) &&
							 dbm_row_digest(&row, DBM_SNAPSHOT_EXTRA_ROOT,
											newest_known.roots[DBM_TREE_EXTRA]);
	}
	newest_known.valid = true;
}

/* Writes a snapshot; 0 if the schema changed under our hands. */
static int64
write_all(DbmLive *live, int64 parent, const char *label, int64 deployment)
{
	List *differences = find_differences(live, parent);
	HTAB *states = collect_states(live, differences, parent == 0);
	int64 id;

	if (!complete_bodies(live, states))
		return 0;
	id = dbm_table_next_id(&dbm_snapshot_table);
	write_states(states);
	write_differences(id, differences);
	write_snapshot(id, parent, live, list_length(differences), label, deployment);
	note_written(id, live);
	dbm_journal_recorded(live, id);
	dbm_live_forget_recent(live);
	return id;
}

/* Number of the newest snapshot if it is just like the live schema, else 0; newest: its number. */
static int64
find_recorded(DbmLive *live, int64 *newest)
{
	find_newest();
	*newest = newest_known.id;
	if (!newest_known.whole)
		return 0;
	for (int tree = 0; tree < DBM_TREES; tree++)
		if (memcmp(newest_known.roots[tree], dbm_live_root(live, tree), DBM_DIGEST_LENGTH) != 0)
			return 0;
	dbm_journal_recorded(live, *newest);
	return *newest;
}

static int64
record(const char *label, int64 deployment, uint8 *root)
{
	for (int round = 0; round < MAX_ROUNDS; round++)
	{
		DbmLive *live = dbm_current_schema();
		int64 newest;
		int64 id = find_recorded(live, &newest);

		if (id == 0 || label)
		{
			/* one at a time: wait first, then look again at both sides */
			dbm_table_lock(&dbm_snapshot_table);
			live = dbm_current_schema();
			id = find_recorded(live, &newest);
			if (id == 0 || label)
				id = write_all(live, newest, label, deployment);
		}
		if (id != 0)
		{
			memcpy(root, dbm_live_root(live, DBM_TREE_SCHEMA), DBM_DIGEST_LENGTH);
			return id;
		}
	}
	ereport(
		ERROR,
		(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
		 errmsg("could not record the schema because it keeps changing"),
		 errdetail("Another session altered the schema while it was being read, %d times in a row.",
				   MAX_ROUNDS),
		 errhint("Try again when the other session is done.")));
}

int64
dbm_snapshot_record(const char *label, int64 deployment, uint8 *root)
{
	MemoryContext temporary = AllocSetContextCreate(CurrentMemoryContext, "dbmaestro snapshot",
													ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(temporary);
	int64 id = record(label, deployment, root);

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(temporary);
	return id;
}

void
dbm_schema_save(void)
{
	MemoryContext temporary;
	MemoryContext caller;
	DbmLive *live;
	int64 newest;

	if (!dbm_current_worth_saving())
		return;
	temporary = AllocSetContextCreate(CurrentMemoryContext, "dbmaestro saved schema",
									  ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(temporary);
	live = dbm_current_schema();
	/* its names of changes go on from a snapshot that shows the same */
	if (dbm_current_worth_saving() && find_recorded(live, &newest) != 0)
		dbm_current_save(newest);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(temporary);
}
