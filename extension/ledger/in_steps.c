/*
 * ledger/in_steps.c: dbm_apply_in_steps, dbm_rollback_in_steps and dbm_resume
 *
 * Procedures, because they commit after each step.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"

#include "audit/event.h"
#include "audit/refusal.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/own_statement.h"
#include "core/result.h"
#include "core/settings.h"
#include "ledger/change.h"
#include "ledger/correction.h"
#include "ledger/deployment.h"
#include "ledger/step.h"
#include "ledger/step_run.h"
#include "ledger/tables.h"
#include "ledger/transaction.h"
#include "ledger/unfinished.h"
#include "pipeline/gate.h"
#include "schema/schema.h"

PG_FUNCTION_INFO_V1(dbm_apply_in_steps);
PG_FUNCTION_INFO_V1(dbm_rollback_in_steps);
PG_FUNCTION_INFO_V1(dbm_resume);

/* ---- what they have in common ---- */

static char *
require_name(FunctionCallInfo fcinfo, const char *act)
{
	char *name;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("name of the change must not be null"),
						errhint("Run: CALL %s('<change>');", act)));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	dbm_refusal_subject(name);
	return name;
}

static char *
optional_text(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

static void
require_right(FunctionCallInfo fcinfo, const char *act, DbmCapability capability)
{
	dbm_transaction_require_outside_run(act);
	dbm_require_own_statement(fcinfo, act);
	dbm_transaction_require_commits(fcinfo, act);
	dbm_require_same_version();
	dbm_require_initialised();
	dbm_require_attached(act);
	dbm_capability_require(capability, act);
}

/* From here on transactions are ours, and memory is the portal's. */
static void
begin_work(const char *act)
{
	MemoryContext caller = CurrentMemoryContext;

	dbm_transaction_require_fit(act);
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	MemoryContextSwitchTo(caller);
	PushActiveSnapshot(GetTransactionSnapshot());
	dbm_transaction_hold_deployment();
}

static void
end_work(void)
{
	MemoryContext caller = CurrentMemoryContext;

	SPI_finish();
	MemoryContextSwitchTo(caller);
}

static Datum
result(FunctionCallInfo fcinfo, const char *outcome, int64 run, int statements, int64 duration)
{
	Datum values[4] = {CStringGetTextDatum(outcome), Int64GetDatum(run), Int32GetDatum(statements),
					   dbm_run_duration(duration)};
	bool nulls[4] = {false};

	return dbm_result_row(fcinfo, values, nulls);
}

static Datum
perform(FunctionCallInfo fcinfo, DbmStepRun *steps)
{
	const char *outcome;

	PopActiveSnapshot();
	dbm_step_run_perform(steps);
	PushActiveSnapshot(GetTransactionSnapshot());
	outcome = dbm_step_run_outcome(steps);
	PopActiveSnapshot();
	end_work();
	return result(fcinfo, outcome, steps->run.id, steps->run.execution.ndone,
				  steps->run.execution.duration);
}

static Datum
do_nothing(FunctionCallInfo fcinfo, const char *outcome, int64 run)
{
	PopActiveSnapshot();
	dbm_transaction_release_deployment();
	end_work();
	return result(fcinfo, outcome, run, 0, 0);
}

/* ---- taking up a run again ---- */

static int
greatest_object(int64 run)
{
	DbmRow *row = dbm_row_make(&dbm_run_object_table);
	ScanKeyData key;
	DbmScan *scan;
	int greatest = 0;

	ScanKeyInit(&key, DBM_RUN_OBJECT_RUN + 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(run));
	scan = dbm_scan_begin(&dbm_run_object_table, dbm_run_object_table.primary_key, 1, &key);
	while (dbm_scan_next(scan, row))
		greatest = DatumGetInt32(row->values[DBM_RUN_OBJECT_ORDINAL]);
	dbm_scan_end(scan);
	return greatest;
}

static void
record_resumption(const DbmStepRun *steps, const char *outcome)
{
	DbmEvent event = {
		.kind = "run",
		.action = steps->run.act,
		.change = steps->run.change,
		.run = steps->run.id,
		.deployment = steps->run.deployment,
		.detail = psprintf(
			"resumed; it was %s%s%s%s%s", strcmp(outcome, "running") == 0 ? "interrupted" : outcome,
			steps->interrupted ? "; of what was interrupted it was said: " : "",
			steps->interrupted ? steps->interrupted : "", steps->run.reason ? "; reason: " : "",
			steps->run.reason ? steps->run.reason : ""),
		.statement_length = -1,
	};

	dbm_event_record(&event);
}

static DbmScript *
read_script(const DbmRow *run, const DbmStepRun *steps)
{
	DbmScriptRules rules = {
		.name = steps->run.change,
		.rollback = steps->run.rollback,
		.allow_secrets = true,
		.allow_empty = true,
		.in_steps = true,
	};
	uint8 digest[DBM_DIGEST_LENGTH];
	Size length;
	char *text;

	(void) dbm_row_digest(run, DBM_RUN_SCRIPT, digest);
	text = dbm_script_content(digest, &length);
	return dbm_script_read(text, length, &rules);
}

/* The change whose rollback is under way, as that rollback found it. */
static const DbmAppliedChange *
find_undone(const DbmRow *run, const char *change)
{
	DbmAppliedChange *applied = palloc0(sizeof(DbmAppliedChange));
	DbmRow *deployed = dbm_row_make(&dbm_run_table);

	applied->name = change;
	if (!dbm_run_find(change, "deploy", dbm_row_int64(run, DBM_RUN_ID), deployed))
		return applied;
	applied->run = dbm_row_int64(deployed, DBM_RUN_ID);
	applied->snapshot_before = dbm_row_int64(deployed, DBM_RUN_SNAPSHOT_BEFORE);
	applied->snapshot_after = dbm_row_int64(deployed, DBM_RUN_SNAPSHOT_AFTER);
	/* of a run that came to no end, what was there when its rollback began */
	if (applied->snapshot_after == 0)
		applied->snapshot_after = dbm_row_int64(run, DBM_RUN_SNAPSHOT_BEFORE);
	return applied;
}

static void
resume_run(DbmStepRun *steps, const DbmRow *run)
{
	steps->run.id = dbm_row_int64(run, DBM_RUN_ID);
	steps->run.rollback = strcmp(dbm_row_text(run, DBM_RUN_DIRECTION), "rollback") == 0;
	if (steps->run.rollback)
	{
		steps->capability = DBM_CAPABILITY_ROLLBACK;
		dbm_capability_require(DBM_CAPABILITY_ROLLBACK, steps->run.act);
		steps->applied = find_undone(run, steps->run.change);
		steps->run.prove = dbm_setting_bool(DBM_SETTING_ROLLBACK_PROOF) &&
						   steps->applied->snapshot_before != 0;
	}
	steps->run.script = read_script(run, steps);
	dbm_gate_require_all(steps->run.change, steps->run.script);
	dbm_run_reopen(&steps->run);
	steps->steps = dbm_step_read_plan(steps->run.id);
	steps->objects = greatest_object(steps->run.id);
	record_resumption(steps, dbm_row_text(run, DBM_RUN_OUTCOME));
}

/* ---- dbm_apply_in_steps ---- */

static bool
is_applied(const DbmChange *change, const DbmRow *row, int64 *run)
{
	uint8 tokens[DBM_DIGEST_LENGTH];

	if (!dbm_change_is(row, "applied"))
		return false;
	*run = dbm_row_int64(row, DBM_CHANGE_APPLIED_RUN);
	if (dbm_change_runs_again(row, change))
		return dbm_row_digest(row, DBM_CHANGE_TOKENS, tokens) &&
			   memcmp(tokens, change->script->tokens_digest, DBM_DIGEST_LENGTH) == 0;
	dbm_change_require_same(row, change);
	dbm_change_note_rollback(row, change);
	return true;
}

/* A run that came to no end is ended in the books, before another one undoes it. */
static void
close_interrupted(int64 run)
{
	DbmRow *row = dbm_row_make(&dbm_run_table);
	ItemPointerData tid;

	if (!dbm_table_get_int64(&dbm_run_table, run, row, &tid) ||
		strcmp(dbm_row_text(row, DBM_RUN_OUTCOME), "running") != 0)
		return;
	dbm_row_set_text(row, DBM_RUN_OUTCOME, "interrupted");
	dbm_table_update(row, &tid);
}

static DbmRow *
require_run(const DbmRow *change)
{
	DbmRow *run = dbm_row_make(&dbm_run_table);

	if (!dbm_run_of_change(change, run))
		elog(ERROR, "change \"%s\" is partial without a run",
			 dbm_row_text(change, DBM_CHANGE_CHANGE));
	return run;
}

static void
start_run(DbmStepRun *steps, const DbmChange *change, const DbmRow *row)
{
	steps->run.script = change->script;
	steps->steps = dbm_script_steps(change->script);
	steps->no_change_before = row == NULL;
	steps->change_before = row;
	dbm_run_open(&steps->run);
	dbm_step_write_plan(steps->run.id, steps->steps, change->script);
	dbm_change_write(change, "partial", steps->run.id);
}

static Datum
apply_body(PG_FUNCTION_ARGS)
{
	DbmChange change;
	DbmStepRun steps = {0};
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmRow *run = NULL;
	ErrorContextCallback hidden;
	bool known;
	bool goes_on = false;
	int64 applied_run;

	dbm_change_name(fcinfo, &change);
	require_right(fcinfo, "dbm_apply_in_steps", DBM_CAPABILITY_DEPLOY);
	dbm_run_hide_statement(&hidden);
	dbm_change_arguments(fcinfo, &change);
	change.in_steps = true;
	begin_work("dbm_apply_in_steps");
	dbm_change_read(&change);
	dbm_change_lock(change.name);
	known = dbm_change_find(change.name, row, NULL);
	if (known && is_applied(&change, row, &applied_run))
		return do_nothing(fcinfo, "already applied", applied_run);

	steps.run.change = change.name;
	steps.run.act = "dbm_apply_in_steps";
	steps.capability = DBM_CAPABILITY_DEPLOY;
	if (!PG_ARGISNULL(4))
	{
		steps.run.deployment = PG_GETARG_INT64(4);
		steps.run.provenance = dbm_deployment_admit(steps.run.deployment, &change);
	}
	dbm_gate_require_all(change.name, change.script);
	if (known && dbm_change_is(row, "partial"))
	{
		run = dbm_row_make(&dbm_run_table);
		goes_on = dbm_unfinished_require_same(&change, row, run);
		if (!goes_on)
			close_interrupted(dbm_row_int64(run, DBM_RUN_ID));
	}
	if (goes_on)
		resume_run(&steps, run);
	else
		start_run(&steps, &change, known ? row : NULL);
	return perform(fcinfo, &steps);
}

/* ---- dbm_rollback_in_steps ---- */

/* Nor has a run that is not on record, so that nobody knows. */
static bool
has_done_nothing(int64 run)
{
	DbmRow *row = dbm_row_make(&dbm_run_table);

	return dbm_table_get_int64(&dbm_run_table, run, row, NULL) &&
		   !dbm_unfinished_left_anything(row);
}

static void
start_rollback(DbmStepRun *steps)
{
	DbmAppliedChange *applied = palloc0(sizeof(DbmAppliedChange));
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmRun *run = &steps->run;

	dbm_rollback_find(run->change, true, applied);
	(void) dbm_change_find(run->change, row, NULL);
	steps->change_before = row;
	steps->applied = applied;
	run->rollback = true;
	run->script = applied->rollback;
	run->prove = dbm_setting_bool(DBM_SETTING_ROLLBACK_PROOF);
	if (applied->partial)
		close_interrupted(applied->run);
	if (run->prove)
	{
		uint8 root[DBM_DIGEST_LENGTH];
		int64 now = dbm_snapshot_record(NULL, 0, root);

		if (applied->partial && applied->snapshot_after == 0)
			applied->snapshot_after = now;
		dbm_rollback_require_provable(applied);
		dbm_rollback_require_untouched(applied, now);
	}
	/* of a change of which nothing is there, there is nothing to undo */
	if (!applied->partial || !has_done_nothing(applied->run))
		steps->steps = dbm_script_steps(applied->rollback);
	dbm_run_open(run);
	dbm_step_write_plan(run->id, steps->steps, run->script);
	dbm_change_set_state(run->change, "partial", run->id);
}

/* Goes on with another script behind what the one before has done, as a run of its own. */
static void
start_corrected(DbmStepRun *steps, const DbmRow *begun, DbmScript *script)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmRun *run = &steps->run;

	(void) dbm_change_find(run->change, row, NULL);
	steps->change_before = row;
	steps->applied = find_undone(begun, run->change);
	run->rollback = true;
	run->script = script;
	run->prove = dbm_setting_bool(DBM_SETTING_ROLLBACK_PROOF) &&
				 steps->applied->snapshot_before != 0;
	run->snapshot_before = dbm_row_int64(begun, DBM_RUN_SNAPSHOT_BEFORE);
	dbm_gate_require_all(run->change, script);
	close_interrupted(dbm_row_int64(begun, DBM_RUN_ID));
	dbm_run_open(run);
	steps->steps = dbm_correction_plan(begun, script, run->id);
	dbm_change_set_state(run->change, "partial", run->id);
}

/* The rollback of this change that was begun and is not done; or NULL. */
static DbmRow *
find_begun_rollback(const char *change)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmRow *run;

	if (!dbm_change_find(change, row, NULL) || !dbm_change_is(row, "partial"))
		return NULL;
	run = require_run(row);
	return strcmp(dbm_row_text(run, DBM_RUN_DIRECTION), "rollback") == 0 ? run : NULL;
}

static Datum
rollback_body(PG_FUNCTION_ARGS)
{
	DbmStepRun steps = {0};
	ErrorContextCallback hidden;
	DbmScript *corrected;
	DbmRow *begun;

	/* the command line runs the stored script then */
	if (!PG_ARGISNULL(3))
		dbm_refusal_answered(ERRCODE_DBM_CHECKSUM);
	steps.run.change = require_name(fcinfo, "dbm_rollback_in_steps");
	steps.run.act = "dbm_rollback_in_steps";
	steps.run.reason = optional_text(fcinfo, 1);
	steps.capability = DBM_CAPABILITY_ROLLBACK;
	require_right(fcinfo, steps.run.act, steps.capability);
	dbm_run_hide_statement(&hidden);
	begin_work(steps.run.act);
	dbm_change_lock(steps.run.change);
	begun = find_begun_rollback(steps.run.change);
	corrected = dbm_correction_take(fcinfo, steps.run.change, begun);
	if (begun && corrected)
		start_corrected(&steps, begun, corrected);
	else if (begun)
		resume_run(&steps, begun);
	else
		start_rollback(&steps);
	return perform(fcinfo, &steps);
}

/* ---- dbm_resume ---- */

static char *
require_word(FunctionCallInfo fcinfo)
{
	char *word = optional_text(fcinfo, 1);

	if (word && strcmp(word, "done") != 0 && strcmp(word, "again") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid word about an interrupted step: \"%s\"", word),
						errhint("Say done or again.")));
	return word;
}

static void
require_partial(const char *name, const DbmRow *row)
{
	if (!dbm_change_is(row, "partial"))
		ereport(ERROR, (errcode(ERRCODE_DBM_UNDEFINED_CHANGE),
						errmsg("change \"%s\" has nothing to resume", name),
						errdetail("Its state is \"%s\".", dbm_row_text(row, DBM_CHANGE_STATE)),
						errhint("SELECT * FROM dbmaestro.change; lists the changes.")));
}

static Datum
resume_body(PG_FUNCTION_ARGS)
{
	DbmStepRun steps = {0};
	DbmRow *row = dbm_row_make(&dbm_change_table);
	const char *name;

	steps.run.change = name = require_name(fcinfo, "dbm_resume");
	steps.run.act = "dbm_resume";
	steps.interrupted = require_word(fcinfo);
	steps.run.reason = optional_text(fcinfo, 2);
	steps.capability = DBM_CAPABILITY_DEPLOY;
	require_right(fcinfo, steps.run.act, steps.capability);
	begin_work(steps.run.act);
	dbm_change_lock(name);
	if (!dbm_change_find(name, row, NULL))
		ereport(ERROR, (errcode(ERRCODE_DBM_UNDEFINED_CHANGE),
						errmsg("change \"%s\" does not exist in this environment", name),
						errdetail("It was neither submitted nor applied here."),
						errhint("SELECT * FROM dbmaestro.change; lists the changes.")));
	if (dbm_change_is(row, "applied"))
		return do_nothing(fcinfo, "already applied", dbm_row_int64(row, DBM_CHANGE_APPLIED_RUN));
	require_partial(name, row);
	resume_run(&steps, require_run(row));
	return perform(fcinfo, &steps);
}

Datum
dbm_apply_in_steps(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_apply_in_steps", apply_body);
}

Datum
dbm_rollback_in_steps(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_rollback_in_steps", rollback_body);
}

Datum
dbm_resume(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_resume", resume_body);
}
