/*
 * ledger/rollback.c: dbm_rollback, which restores what was there or does not commit
 *
 * Let 0 be the schema before the change ran, 1 after it, 2 before the rollback
 * and 3 after it.  The rollback is proven if every object that the change made
 * different (0 to 1) is at 3 as it was at 0, and the rollback touched nothing
 * else.  It is only begun if nothing changed those objects since (1 to 2), so
 * that a change other ones do not stand on can be rolled back alone.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "audit/refusal.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/own_statement.h"
#include "core/settings.h"
#include "ledger/change.h"
#include "ledger/commit.h"
#include "ledger/rollback.h"
#include "ledger/run.h"
#include "ledger/step.h"
#include "ledger/tables.h"
#include "ledger/transaction.h"
#include "pipeline/capability.h"
#include "pipeline/gate.h"
#include "schema/schema.h"

PG_FUNCTION_INFO_V1(dbm_rollback);

static void
require_reversible(const char *name, const DbmRow *row, bool in_steps)
{
	bool partial = dbm_change_is(row, "partial");

	if (partial && !in_steps)
		ereport(ERROR,
				(errcode(ERRCODE_DBM_PARTIAL), errmsg("change \"%s\" is applied in part", name),
				 errdetail("Some of its steps are done."),
				 errhint("Run CALL dbm_rollback_in_steps(%s); or go on with CALL "
						 "dbm_resume(%s);",
						 quote_literal_cstr(name), quote_literal_cstr(name))));
	if (!partial && !dbm_change_is(row, "applied"))
		ereport(ERROR, (errcode(ERRCODE_DBM_UNDEFINED_CHANGE),
						errmsg("change \"%s\" is not applied", name),
						errdetail("Its state is \"%s\".", dbm_row_text(row, DBM_CHANGE_STATE)),
						errhint("SELECT * FROM dbmaestro.change; lists the changes.")));
	if (row->nulls[DBM_CHANGE_ROLLBACK])
		ereport(ERROR, (errcode(ERRCODE_DBM_NO_ROLLBACK),
						errmsg("change \"%s\" has no rollback script", name),
						errdetail("None was given when it was applied."),
						partial ? errhint("Give one: CALL dbm_rollback_in_steps(%s, rollback => "
										  "'...'); or go on with CALL dbm_resume(%s);",
										  quote_literal_cstr(name), quote_literal_cstr(name))
								: errhint("Write a new change that undoes it.")));
}

static void
require_not_irreversible(const char *name, const DbmRow *row)
{
	Size length;
	uint8 digest[DBM_DIGEST_LENGTH];
	DbmScriptRules rules = {.name = name, .allow_secrets = true, .allow_empty = true};
	DbmScript *script;
	const char *irreversible;
	char *text;

	(void) dbm_row_digest(row, DBM_CHANGE_SCRIPT, digest);
	text = dbm_script_content(digest, &length);
	script = dbm_script_read(text, length, &rules);
	irreversible = dbm_script_header(script, "Irreversible");
	if (irreversible && pg_strcasecmp(irreversible, "no") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DBM_NO_ROLLBACK), errmsg("change \"%s\" is irreversible", name),
				 errdetail("Its header says: Irreversible: %s", irreversible),
				 errhint("Write a new change that undoes what can be undone.")));
}

/* Does the applied change in row say that it requires the one of this name? */
static bool requires(const DbmRow *row, const char *name)
{
	Jsonb *header = DatumGetJsonbP(row->values[DBM_CHANGE_HEADER]);
	JsonbValue *value = getKeyJsonValueFromContainer(&header->root, "Requires", strlen("Requires"),
													 NULL);
	ListCell *cell;

	if (value == NULL || value->type != jbvString)
		return false;
	foreach (cell, dbm_gate_names(pnstrdup(value->val.string.val, value->val.string.len)))
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

static void
require_not_required(const char *name)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmScan *scan = dbm_scan_begin(&dbm_change_table, dbm_change_table.primary_key, 0, NULL);
	StringInfoData list;

	initStringInfo(&list);
	while (dbm_scan_next(scan, row))
	{
		if (dbm_change_is(row, "applied") && requires(row, name))
			appendStringInfo(&list, "%sChange \"%s\" requires it.", list.len > 0 ? "\n" : "",
							 dbm_row_text(row, DBM_CHANGE_CHANGE));
	}
	dbm_scan_end(scan);
	if (list.len > 0)
		ereport(ERROR, (errcode(ERRCODE_DBM_ROLLBACK_ORDER),
						errmsg("cannot roll back change \"%s\": others require it", name),
						errdetail_internal("%s", list.data), errhint("Roll back those first.")));
}

/* Of what was there before dbmaestro, no state before it is known. */
static void
require_ran(const char *name, const DbmRow *run)
{
	if (strcmp(dbm_row_text(run, DBM_RUN_OUTCOME), "adopted") == 0)
		ereport(ERROR, (errcode(ERRCODE_DBM_NO_ROLLBACK),
						errmsg("change \"%s\" was adopted and cannot be rolled back", name),
						errdetail("What it makes was there before it: it never ran here."),
						errhint("Write a new change that removes what is to go.")));
}

void
dbm_rollback_find(const char *name, bool in_steps, DbmAppliedChange *applied)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmRow *run = dbm_row_make(&dbm_run_table);
	DbmScriptRules rules = {
		.name = name,
		.rollback = true,
		.allow_secrets = true,
		.allow_empty = true,
		.in_steps = in_steps,
	};
	uint8 digest[DBM_DIGEST_LENGTH];
	Size length;
	char *text;

	if (!dbm_change_find(name, row, NULL))
		ereport(ERROR, (errcode(ERRCODE_DBM_UNDEFINED_CHANGE),
						errmsg("change \"%s\" does not exist in this environment", name),
						errdetail("It was neither submitted nor applied here."),
						errhint("SELECT * FROM dbmaestro.change; lists the changes.")));
	require_reversible(name, row, in_steps);
	require_not_irreversible(name, row);
	require_not_required(name);
	(void) dbm_row_digest(row, DBM_CHANGE_ROLLBACK, digest);
	text = dbm_script_content(digest, &length);
	applied->name = name;
	applied->rollback = dbm_script_read(text, length, &rules);
	dbm_script_check(applied->rollback, &rules);
	applied->partial = dbm_change_is(row, "partial");
	if (applied->partial
			? dbm_run_find(name, "deploy", PG_INT64_MAX, run)
			: dbm_table_get_int64(&dbm_run_table, dbm_row_int64(row, DBM_CHANGE_APPLIED_RUN), run,
								  NULL))
	{
		applied->run = dbm_row_int64(run, DBM_RUN_ID);
		require_ran(name, run);
		applied->snapshot_before = dbm_row_int64(run, DBM_RUN_SNAPSHOT_BEFORE);
		applied->snapshot_after = dbm_row_int64(run, DBM_RUN_SNAPSHOT_AFTER);
	}
}

static const DbmObjectChange *
find_object(List *changes, const DbmObjectChange *wanted)
{
	ListCell *cell;

	foreach (cell, changes)
	{
		const DbmObjectChange *change = lfirst(cell);

		if (strcmp(change->kind, wanted->kind) == 0 &&
			strcmp(change->identity, wanted->identity) == 0)
			return change;
	}
	return NULL;
}

static void
add_object(StringInfo list, int *count, const DbmObjectChange *object, const char *what)
{
	if ((*count)++ < 10)
		appendStringInfo(list, "%s%s %s%s", list->len > 0 ? "\n" : "", object->kind,
						 object->identity, what);
}

/* Objects of changes that are (or are not) among others, as text; NULL if none. */
static char *
list_objects(List *changes, List *others, bool among, const char *what)
{
	StringInfoData list;
	int count = 0;
	ListCell *cell;

	initStringInfo(&list);
	foreach (cell, changes)
	{
		if ((find_object(others, lfirst(cell)) != NULL) == among)
			add_object(&list, &count, lfirst(cell), what);
	}
	if (count > 10)
		appendStringInfo(&list, "\nand %d more", count - 10);
	return count > 0 ? list.data : NULL;
}

void
dbm_rollback_require_provable(const DbmAppliedChange *applied)
{
	if (applied->snapshot_before == 0 || applied->snapshot_after == 0)
		ereport(ERROR, (errcode(ERRCODE_DBM_ROLLBACK_NOT_PROVEN),
						errmsg("rollback of change \"%s\" cannot be proven", applied->name),
						errdetail("No snapshots of the schema were taken when it was applied."),
						errhint("Undo it with a new change, or set rollback_proof to off with "
								"dbm_configure.")));
}

/* Raises if somebody changed what the change made. */
void
dbm_rollback_require_untouched(const DbmAppliedChange *applied, int64 snapshot_now)
{
	List *made = dbm_snapshot_difference(applied->snapshot_before, applied->snapshot_after);
	List *since = dbm_snapshot_difference(applied->snapshot_after, snapshot_now);
	char *touched = list_objects(made, since, true, "");

	if (touched)
		ereport(ERROR, (errcode(ERRCODE_DBM_ROLLBACK_ORDER),
						errmsg("cannot roll back change \"%s\": what it made has changed since",
							   applied->name),
						errdetail_internal("%s", touched),
						errhint("Roll back the changes after it first, newest first.")));
}

void
dbm_rollback_require_proven(const DbmAppliedChange *applied, const DbmRun *run)
{
	List *made = dbm_snapshot_difference(applied->snapshot_before, applied->snapshot_after);
	List *remaining = dbm_snapshot_difference(applied->snapshot_before, run->snapshot_after);
	List *touched = dbm_snapshot_difference(run->snapshot_before, run->snapshot_after);
	char *not_restored = list_objects(made, remaining, true, " is not as it was");
	char *foreign = list_objects(touched, made, false, " was not part of the change");

	if (not_restored == NULL && foreign == NULL)
		return;
	ereport(ERROR, (errcode(ERRCODE_DBM_ROLLBACK_NOT_PROVEN),
					errmsg("rollback of change \"%s\" does not restore the schema that was there",
						   applied->name),
					errdetail_internal("%s%s%s", not_restored ? not_restored : "",
									   not_restored && foreign ? "\n" : "", foreign ? foreign : ""),
					run->act && dbm_step_count(run->id, "done") > 1
						? errhint("Steps that were committed stay.  Run CALL "
								  "dbm_rollback_in_steps(%s, rollback => '...'); with more "
								  "statements behind the others, or set rollback_proof to off with "
								  "dbm_configure and call %s again.",
								  quote_literal_cstr(applied->name), run->act)
						: errhint("Nothing was changed.  Undo it with a new change, or set "
								  "rollback_proof to off with dbm_configure.")));
}

/* Raises, with the failed run on record, unless the schema is as before the change. */
static void
require_proven(const DbmAppliedChange *applied, DbmRun *run)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData *edata;

	PG_TRY();
	{
		dbm_rollback_require_proven(applied, run);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		dbm_run_record_failure(run, edata);
		ReThrowError(edata);
	}
	PG_END_TRY();
}

static Datum
rollback_body(PG_FUNCTION_ARGS)
{
	DbmAppliedChange applied = {0};
	DbmRun run = {0};

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("name of the change must not be null"),
						errhint("Run: SELECT dbm_rollback('<change>', '<reason>');")));
	run.change = text_to_cstring(PG_GETARG_TEXT_PP(0));
	dbm_refusal_subject(run.change);
	run.rollback = true;
	run.reason = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	/* the command line calls dbm_rollback_in_steps then */
	dbm_refusal_answered(ERRCODE_DBM_NOT_TRANSACTIONAL);

	dbm_transaction_require_outside_run("dbm_rollback");
	dbm_require_own_statement(fcinfo, "dbm_rollback");
	dbm_require_same_version();
	dbm_require_initialised();
	dbm_require_attached("dbm_rollback");
	dbm_capability_require(DBM_CAPABILITY_ROLLBACK, "dbm_rollback");
	dbm_transaction_require_fit("dbm_rollback");
	dbm_transaction_lock_deployment();
	dbm_change_lock(run.change);
	dbm_rollback_find(run.change, false, &applied);
	run.prove = dbm_setting_bool(DBM_SETTING_ROLLBACK_PROOF);
	if (run.prove)
	{
		uint8 root[DBM_DIGEST_LENGTH];

		dbm_rollback_require_provable(&applied);
		dbm_rollback_require_untouched(&applied, dbm_snapshot_record(NULL, 0, root));
	}
	dbm_transaction_force_synchronous();

	run.script = applied.rollback;
	dbm_run_perform(&run);
	if (run.prove)
		require_proven(&applied, &run);

	dbm_change_set_state(run.change, "rolled back", 0);
	dbm_run_record(&run);
	dbm_commit_expect(DBM_CAPABILITY_ROLLBACK, "dbm_rollback", run.change);
	return dbm_run_result(fcinfo, &run, "rolled back");
}

Datum
dbm_rollback(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_rollback", rollback_body);
}
