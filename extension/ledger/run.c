/*
 * ledger/run.c: tables run, run_statement and run_object
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "audit/durable.h"
#include "audit/event.h"
#include "audit/refusal.h"
#include "core/actor.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/result.h"
#include "core/settings.h"
#include "guard/collected.h"
#include "ledger/blocker.h"
#include "ledger/deployment.h"
#include "ledger/run.h"
#include "ledger/run_row.h"
#include "ledger/tables.h"
#include "ledger/transaction.h"
#include "schema/schema.h"

PG_FUNCTION_INFO_V1(dbm_run_outcome);

static const char *
outcome_of(const DbmRun *run)
{
	if (run->reset)
		return "reset";
	if (run->adopted)
		return "adopted";
	return run->rollback ? "rolled back" : "applied";
}

static const char *
direction_of(const DbmRun *run)
{
	if (run->reset)
		return "reset";
	return run->rollback ? "rollback" : "deploy";
}

DbmRow *
dbm_run_row(const DbmRun *run, const char *outcome)
{
	DbmRow *row = dbm_row_make(&dbm_run_table);
	DbmActor actor;
	TransactionId xid = GetTopTransactionIdIfAny();

	dbm_actor_get(&actor);
	dbm_row_set_int64(row, DBM_RUN_ID, run->id);
	dbm_row_set_int64(row, DBM_RUN_DEPLOYMENT, run->deployment);
	dbm_row_set_text(row, DBM_RUN_CHANGE, run->change);
	dbm_row_set_text(row, DBM_RUN_DIRECTION, direction_of(run));
	dbm_row_set_text(row, DBM_RUN_OUTCOME, outcome);
	dbm_row_set_text(row, DBM_RUN_ENVIRONMENT, dbm_environment()->name);
	dbm_row_set_digest(row, DBM_RUN_SCRIPT, run->script->bytes_digest);
	dbm_row_set(row, DBM_RUN_STARTED_AT, TimestampTzGetDatum(run->execution.started_at));
	dbm_row_set(row, DBM_RUN_FINISHED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_int64(row, DBM_RUN_DURATION, run->execution.duration);
	dbm_row_set(row, DBM_RUN_STATEMENTS, Int32GetDatum(run->execution.ndone));
	dbm_row_set_text(row, DBM_RUN_RUN_AS, GetUserNameFromId(run->execution.ran_as, true));
	dbm_row_set_text(row, DBM_RUN_EXECUTED_BY, actor.authenticated_name);
	dbm_row_set(row, DBM_RUN_EXECUTED_BY_OID, ObjectIdGetDatum(actor.authenticated));
	dbm_row_set_text(row, DBM_RUN_APPLICATION_NAME, actor.application_name);
	dbm_row_set_text(row, DBM_RUN_CLIENT_ADDRESS, actor.client_address);
	if (TransactionIdIsValid(xid))
		dbm_row_set_int64(row, DBM_RUN_TRANSACTION_ID,
						  (int64) U64FromFullTransactionId(GetTopFullTransactionId()));
	dbm_row_set_text(row, DBM_RUN_PROVENANCE, run->provenance);
	dbm_row_set_text(row, DBM_RUN_REASON, run->reason);
	return row;
}

static DbmRow *
make_statement_row(int64 run, const DbmExecution *execution, int at)
{
	const DbmStatementResult *result = &execution->results[at];
	DbmRow *row = dbm_row_make(&dbm_run_statement_table);

	dbm_row_set_int64(row, DBM_RUN_STATEMENT_RUN, run);
	dbm_row_set(row, DBM_RUN_STATEMENT_ORDINAL,
				Int32GetDatum(execution->script->statements[at].ordinal));
	dbm_row_set(row, DBM_RUN_STATEMENT_LINE, Int32GetDatum(result->line));
	dbm_row_set_text(row, DBM_RUN_STATEMENT_TAG, result->tag);
	dbm_row_set_int64(row, DBM_RUN_STATEMENT_DURATION, result->duration);
	if (result->rows >= 0)
		dbm_row_set_int64(row, DBM_RUN_STATEMENT_ROWS, result->rows);
	return row;
}

static void
write_statements(int64 run, const DbmExecution *execution)
{
	DbmWriter *writer = dbm_writer_begin(&dbm_run_statement_table);

	for (int at = 0; at < execution->ndone; at++)
	{
		DbmRow *row = make_statement_row(run, execution, at);

		dbm_writer_insert(writer, row);
		pfree(row);
	}
	dbm_writer_end(writer);
}

DbmRow *
dbm_run_object_row(const DbmTouched *touched)
{
	DbmRow *row = dbm_row_make(&dbm_run_object_table);

	dbm_row_set_text(row, DBM_RUN_OBJECT_ACTION, touched->action);
	dbm_row_set_text(row, DBM_RUN_OBJECT_KIND, touched->kind ? touched->kind : "");
	dbm_row_set_text(row, DBM_RUN_OBJECT_IDENTITY, touched->identity);
	dbm_row_set_text(row, DBM_RUN_OBJECT_TAG, touched->tag ? touched->tag : "");
	return row;
}

static void
write_objects(int64 run, const DbmExecution *execution, int *position)
{
	DbmWriter *writer = dbm_writer_begin(&dbm_run_object_table);
	ListCell *cell;

	foreach (cell, execution->touched)
	{
		DbmTouchedAt *at = lfirst(cell);
		DbmRow *row = dbm_run_object_row(at->touched);

		dbm_row_set_int64(row, DBM_RUN_OBJECT_RUN, run);
		dbm_row_set(row, DBM_RUN_OBJECT_ORDINAL, Int32GetDatum(++*position));
		dbm_row_set(row, DBM_RUN_OBJECT_STATEMENT, Int32GetDatum(at->statement));
		dbm_writer_insert(writer, row);
		pfree(row);
	}
	dbm_writer_end(writer);
}

void
dbm_run_fill_event(DbmEvent *event, const DbmRun *run)
{
	memset(event, 0, sizeof(DbmEvent));
	event->kind = "run";
	event->action = run->act ? run->act
					: run->rollback		 ? "dbm_rollback"
					: run->adopted		 ? "dbm_baseline"
									: "dbm_apply";
	event->change = run->change;
	event->run = run->id;
	event->deployment = run->deployment;
	event->statement_length = -1;
}

void
dbm_run_write_execution(int64 run, const DbmExecution *execution, int *objects)
{
	write_statements(run, execution);
	write_objects(run, execution, objects);
}

static void
insert_run(const DbmRun *run)
{
	DbmRow *row = dbm_run_row(run, outcome_of(run));

	if (run->snapshot_before)
		dbm_row_set_int64(row, DBM_RUN_SNAPSHOT_BEFORE, run->snapshot_before);
	if (run->snapshot_after)
		dbm_row_set_int64(row, DBM_RUN_SNAPSHOT_AFTER, run->snapshot_after);
	dbm_table_insert(row);
}

void
dbm_run_record_reset(DbmRun *run)
{
	run->id = dbm_table_next_greatest_id(&dbm_run_table);
	insert_run(run);
}

void
dbm_run_record(DbmRun *run)
{
	DbmEvent event;
	int objects = 0;

	if (run->single_deployment)
	{
		dbm_deployment_close(run->single_deployment, "succeeded");
		dbm_table_insert(run->single_deployment);
	}
	insert_run(run);
	dbm_run_write_execution(run->id, &run->execution, &objects);

	dbm_run_fill_event(&event, run);
	if (run->adopted)
		event.detail = psprintf("adopted as baseline, root %s",
								dbm_hex(run->root_after, DBM_DIGEST_LENGTH));
	else
		event.detail = psprintf("%s, %d statements%s%s", outcome_of(run), run->execution.ndone,
								run->provenance ? ", provenance " : "",
								run->provenance ? run->provenance : "");
	dbm_event_record(&event);
	dbm_transaction_end_own_writes();
}

void
dbm_run_set_error(DbmRow *row, const ErrorData *edata)
{
	dbm_row_set_text(row, DBM_RUN_SQLSTATE, unpack_sql_state(edata->sqlerrcode));
	dbm_row_set_text(row, DBM_RUN_MESSAGE, edata->message);
	dbm_row_set_text(row, DBM_RUN_DETAIL, edata->detail);
	dbm_row_set_text(row, DBM_RUN_HINT, edata->hint);
}

void
dbm_run_set_blockers(DbmRow *row, const DbmRun *run)
{
	if (run->blockers)
		dbm_row_set(row, DBM_RUN_BLOCKERS, JsonbPGetDatum(run->blockers));
}

static void
set_failure(DbmRow *row, const DbmRun *run, const ErrorData *edata)
{
	int at = run->execution.ndone;

	if (at < run->script->nstatements)
	{
		dbm_row_set(row, DBM_RUN_FAILED_STATEMENT, Int32GetDatum(at + 1));
		dbm_row_set(row, DBM_RUN_FAILED_LINE, Int32GetDatum(run->script->statements[at].line));
	}
	dbm_run_set_error(row, edata);
	dbm_run_set_blockers(row, run);
}

/*
 * A failed run is recorded past the transaction, which is going to be rolled
 * back.  Only so many statements go along: the durable record is held in
 * memory and in a file.
 */
#define DURABLE_STATEMENTS 1000

void
dbm_run_record_failure(DbmRun *run, const ErrorData *edata)
{
	int nstatements = Min(run->execution.ndone, DURABLE_STATEMENTS);
	DbmRow **rows = palloc((nstatements + 3) * sizeof(DbmRow *));
	int nrows = 0;
	DbmRow *row;
	DbmEvent event;

	dbm_run_fill_event(&event, run);
	event.sqlstate = edata->sqlerrcode;
	event.message = edata->message;
	event.detail = edata->detail;
	event.hint = edata->hint;
	rows[nrows++] = dbm_event_row(&event);
	if (run->single_deployment)
	{
		dbm_deployment_close(run->single_deployment, "failed");
		rows[nrows++] = run->single_deployment;
	}
	row = dbm_run_row(run, "failed");
	set_failure(row, run, edata);
	rows[nrows++] = row;
	for (int at = 0; at < nstatements; at++)
		rows[nrows++] = make_statement_row(run->id, &run->execution, at);
	(void) dbm_durable_write(rows, nrows);
	dbm_refusal_recorded();
	/* after a rollback to a savepoint the next run may begin: all that was written was the run's */
	dbm_transaction_end_own_writes();
}

void
dbm_run_name_blockers(DbmRun *run, const DbmLockWait *wait, ErrorData *failure)
{
	DbmEvent event;
	char *description;

	run->blockers = NULL;
	if (wait == NULL)
		return;
	dbm_run_fill_event(&event, run);
	run->blockers = dbm_blockers_examine(wait, &event, &description);
	if (run->blockers)
		failure->detail = failure->detail ? psprintf("%s\n%s", failure->detail, description)
										  : description;
}

/* The role that scripts run as; one that was dropped or recreated runs nothing. */
Oid
dbm_run_role(const char *change)
{
	const DbmEnvironment *facts = dbm_environment();

	if (facts->run_as_name && !OidIsValid(facts->run_as))
		ereport(ERROR,
				(errcode(ERRCODE_DBM_REQUIREMENT),
				 errmsg("change \"%s\" cannot run in environment \"%s\" yet", change, facts->name),
				 errdetail("Scripts run as \"%s\", but no role is the one that was configured.",
						   facts->run_as_name),
				 errhint("Run SELECT dbm_configure('run_as', %s); again.",
						 quote_literal_cstr(facts->run_as_name))));
	return facts->run_as;
}

bool
dbm_run_takes_snapshots(const DbmRun *run)
{
	return run->prove || dbm_setting_bool(DBM_SETTING_SNAPSHOT);
}

void
dbm_run_take_snapshot(DbmRun *run)
{
	if (dbm_run_takes_snapshots(run))
		run->snapshot_after = dbm_snapshot_record(NULL, run->deployment, run->root_after);
}

void
dbm_run_perform(DbmRun *run)
{
	ErrorData *failure;

	run->execution.run_as = dbm_run_role(run->change);

	run->id = dbm_table_next_greatest_id(&dbm_run_table);
	if (run->deployment == 0)
	{
		run->single_deployment = dbm_deployment_single(run->change);
		run->deployment = dbm_row_int64(run->single_deployment, DBM_DEPLOYMENT_ID);
	}
	if (dbm_run_takes_snapshots(run))
		run->snapshot_before = dbm_snapshot_record(NULL, run->deployment, run->root_before);

	run->execution.script = run->script;
	run->execution.change = run->change;
	run->execution.run = run->id;
	failure = dbm_execute(&run->execution);
	if (failure)
	{
		dbm_run_name_blockers(run, run->execution.wait, failure);
		dbm_run_record_failure(run, failure);
		/* a client that goes back to its savepoint may try again: all of it was ours */
		dbm_transaction_end_own_writes();
		ReThrowError(failure);
	}
	dbm_run_take_snapshot(run);
}

/* The server log would repeat the script, with what it may hold, for every message. */
static void
hide_statement(void *argument)
{
	errhidestmt(true);
}

void
dbm_run_hide_statement(ErrorContextCallback *hidden)
{
	hidden->callback = hide_statement;
	hidden->arg = NULL;
	hidden->previous = error_context_stack;
	error_context_stack = hidden;
}

bool
dbm_run_find(const char *change, const char *direction, int64 up_to, DbmRow *row)
{
	DbmScan *scan;
	ScanKeyData key;
	bool found = false;

	ScanKeyInit(&key, DBM_RUN_ID + 1, BTLessEqualStrategyNumber, F_INT8LE, Int64GetDatum(up_to));
	scan = dbm_scan_begin(&dbm_run_table, dbm_run_table.primary_key, 1, &key);
	while (!found && dbm_scan_previous(scan, row))
	{
		CHECK_FOR_INTERRUPTS();
		found = strcmp(dbm_row_text(row, DBM_RUN_CHANGE), change) == 0 &&
				strcmp(dbm_row_text(row, DBM_RUN_DIRECTION), direction) == 0;
	}
	if (found)
		dbm_row_copy(row);
	dbm_scan_end(scan);
	return found;
}

bool
dbm_run_of_change(const DbmRow *change, DbmRow *row)
{
	return !change->nulls[DBM_CHANGE_APPLIED_RUN] &&
		   dbm_table_get_int64(&dbm_run_table, dbm_row_int64(change, DBM_CHANGE_APPLIED_RUN), row,
							   NULL);
}

/* The number alone may be another's by now, who deploys something else. */
bool
dbm_run_is_alive(int pid, TimestampTz start)
{
	return pid != 0 && dbm_transaction_deployer() == pid &&
		   dbm_deployment_backend_is_alive(pid, start);
}

/*
 * _dbm_run_outcome(outcome, pid, backend_start): a running one whose backend
 * does not hold the lock of those who deploy has been interrupted.
 */
Datum
dbm_run_outcome(PG_FUNCTION_ARGS)
{
	char *outcome = text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (strcmp(outcome, "running") == 0 &&
		(PG_ARGISNULL(1) || PG_ARGISNULL(2) ||
		 !dbm_run_is_alive(PG_GETARG_INT32(1), PG_GETARG_TIMESTAMPTZ(2))))
		PG_RETURN_TEXT_P(cstring_to_text("interrupted"));
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

Datum
dbm_run_duration(int64 microseconds)
{
	Interval *interval = palloc0(sizeof(Interval));

	interval->time = microseconds;
	return IntervalPGetDatum(interval);
}

Datum
dbm_run_result(FunctionCallInfo fcinfo, const DbmRun *run, const char *outcome)
{
	Datum values[8];
	bool nulls[8] = {false};

	values[0] = CStringGetTextDatum(run->change);
	values[1] = CStringGetTextDatum(outcome);
	values[2] = Int64GetDatum(run->id);
	values[3] = Int64GetDatum(run->deployment);
	values[4] = Int32GetDatum(run->execution.ndone);
	values[5] = dbm_run_duration(run->execution.duration);
	nulls[6] = run->snapshot_before == 0;
	if (!nulls[6])
		values[6] = CStringGetTextDatum(dbm_hex(run->root_before, DBM_DIGEST_LENGTH));
	nulls[7] = run->snapshot_after == 0;
	if (!nulls[7])
		values[7] = CStringGetTextDatum(dbm_hex(run->root_after, DBM_DIGEST_LENGTH));
	return dbm_result_row(fcinfo, values, nulls);
}

Datum
dbm_run_nothing(FunctionCallInfo fcinfo, const char *change, int64 run)
{
	Datum values[8] = {0};
	bool nulls[8] = {false, false, false, true, false, false, true, true};

	values[0] = CStringGetTextDatum(change);
	values[1] = CStringGetTextDatum("already applied");
	values[2] = Int64GetDatum(run);
	values[4] = Int32GetDatum(0);
	values[5] = dbm_run_duration(0);
	return dbm_result_row(fcinfo, values, nulls);
}

void
dbm_run_init(void)
{
	dbm_durable_register_table(&dbm_run_table);
	dbm_durable_register_table(&dbm_run_statement_table);
	dbm_durable_register_table(&dbm_deployment_table);
}
