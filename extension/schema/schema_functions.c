/*
 * schema/schema_functions.c: the schema's functions for SQL
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "schema/adorned.h"
#include "schema/live.h"
#include "schema/schema.h"
#include "schema/shape.h"

PG_FUNCTION_INFO_V1(dbm_schema_hash);
PG_FUNCTION_INFO_V1(dbm_schema_hash_full);
PG_FUNCTION_INFO_V1(dbm_schema_objects);
PG_FUNCTION_INFO_V1(dbm_snapshot_difference_rows);

Datum
dbm_schema_hash(PG_FUNCTION_ARGS)
{
	uint8 root[DBM_DIGEST_LENGTH];

	dbm_schema_root(root);
	PG_RETURN_TEXT_P(cstring_to_text(dbm_hex(root, DBM_DIGEST_LENGTH)));
}

/* The same by describing everything anew; tests compare the two. */
Datum
dbm_schema_hash_full(PG_FUNCTION_ARGS)
{
	DbmLive *live = dbm_live_make(CurrentMemoryContext, 0, 0);
	Snapshot snapshot;
	char *hex;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	dbm_live_fill(live, snapshot);
	UnregisterSnapshot(snapshot);
	hex = dbm_hex(dbm_live_root(live, DBM_TREE_SCHEMA), DBM_DIGEST_LENGTH);
	dbm_live_free(live);
	PG_RETURN_TEXT_P(cstring_to_text(hex));
}

typedef struct RowReceiver
{
	DbmReceiver receiver;
	ReturnSetInfo *result;
} RowReceiver;

static void
put_object_row(DbmReceiver *receiver, const DbmDraft *draft)
{
	RowReceiver *self = (RowReceiver *) receiver;
	Datum values[5];
	bool nulls[5] = {false};

	values[0] = CStringGetTextDatum(draft->kind);
	values[1] = CStringGetTextDatum(draft->identity);
	values[2] = CStringGetTextDatum(dbm_hex(draft->hash, DBM_DIGEST_LENGTH));
	values[3] = BoolGetDatum(draft->extra);
	values[4] = PointerGetDatum(cstring_to_text_with_len(draft->body->data, draft->body->len));
	tuplestore_putvalues(self->result->setResult, self->result->setDesc, values, nulls);
}

Datum
dbm_schema_objects(PG_FUNCTION_ARGS)
{
	RowReceiver self = {.receiver.object = put_object_row};
	Snapshot snapshot;
	DbmPass *pass;

	dbm_init_set_result(fcinfo);
	self.result = (ReturnSetInfo *) fcinfo->resultinfo;
	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	pass = dbm_pass_begin(snapshot, &self.receiver, dbm_adorned_read(snapshot));
	dbm_pass_all(pass);
	dbm_pass_end(pass);
	UnregisterSnapshot(snapshot);
	PG_RETURN_NULL();
}

typedef struct Visit
{
	DbmReceiver receiver;
	void (*visit) (void *context, const DbmLiveObject *object);
	void *context;
} Visit;

static void
visit_draft(DbmReceiver *receiver, const DbmDraft *draft)
{
	Visit *self = (Visit *) receiver;
	DbmLiveObject object = {draft->kind, draft->identity, draft->hash, {0}, draft->extra};

	dbm_shape_digest(draft->body->data, draft->body->len, object.shape);
	self->visit(self->context, &object);
}

void
dbm_schema_each(void (*visit) (void *context, const DbmLiveObject *object), void *context)
{
	Visit self = {.receiver.object = visit_draft, .visit = visit, .context = context};
	Snapshot snapshot;
	DbmPass *pass;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	pass = dbm_pass_begin(snapshot, &self.receiver, dbm_adorned_read(snapshot));
	dbm_pass_all(pass);
	dbm_pass_end(pass);
	UnregisterSnapshot(snapshot);
}

Datum
dbm_snapshot_difference_rows(PG_FUNCTION_ARGS)
{
	List *changes;
	ListCell *cell;
	ReturnSetInfo *result;

	dbm_init_set_result(fcinfo);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	changes = dbm_snapshot_difference(PG_GETARG_INT64(0), PG_GETARG_INT64(1));
	foreach(cell, changes)
	{
		DbmObjectChange *change = lfirst(cell);
		Datum values[4];
		bool nulls[4] = {false, false, !change->before_exists, !change->after_exists};

		values[0] = CStringGetTextDatum(change->kind);
		values[1] = CStringGetTextDatum(change->identity);
		values[2] = CStringGetTextDatum(dbm_hex(change->before, DBM_DIGEST_LENGTH));
		values[3] = CStringGetTextDatum(dbm_hex(change->after, DBM_DIGEST_LENGTH));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}
