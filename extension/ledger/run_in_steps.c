/*
 * ledger/run_in_steps.c: the row of a run in steps, from its start to its end
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "audit/event.h"
#include "ledger/deployment.h"
#include "ledger/run.h"
#include "ledger/run_row.h"
#include "ledger/tables.h"
#include "ledger/transaction.h"
#include "schema/schema.h"

static void
set_backend(DbmRow *row)
{
	dbm_row_set(row, DBM_RUN_BACKEND_PID, Int32GetDatum(MyProcPid));
	dbm_row_set(row, DBM_RUN_BACKEND_START, TimestampTzGetDatum(MyStartTimestamp));
}

void
dbm_run_open(DbmRun *run)
{
	DbmRow *row;

	run->execution.run_as = dbm_run_role(run->change);
	run->execution.ran_as = OidIsValid(run->execution.run_as) ? run->execution.run_as : GetUserId();
	run->execution.started_at = GetCurrentTimestamp();
	run->id = dbm_table_next_greatest_id(&dbm_run_table);
	if (run->deployment == 0)
	{
		run->single_deployment = dbm_deployment_single(run->change);
		run->deployment = dbm_row_int64(run->single_deployment, DBM_DEPLOYMENT_ID);
		dbm_table_insert(run->single_deployment);
	}
	/* one that goes on for another began where that did */
	if (run->snapshot_before == 0 && dbm_run_takes_snapshots(run))
		run->snapshot_before = dbm_snapshot_record(NULL, run->deployment, run->root_before);
	row = dbm_run_row(run, "running");
	row->nulls[DBM_RUN_FINISHED_AT] = true;
	row->nulls[DBM_RUN_TRANSACTION_ID] = true;
	if (run->snapshot_before)
		dbm_row_set_int64(row, DBM_RUN_SNAPSHOT_BEFORE, run->snapshot_before);
	set_backend(row);
	dbm_table_insert(row);
}

static DbmRow *
read_run(int64 run, ItemPointer tid)
{
	DbmRow *row = dbm_row_make(&dbm_run_table);

	if (!dbm_table_get_int64(&dbm_run_table, run, row, tid))
		elog(ERROR, "run " INT64_FORMAT " is gone", run);
	return row;
}

/* Opens a deployment of one change again, or closes it; others are their starter's. */
static void
set_single_deployment(const DbmRun *run, const char *outcome)
{
	DbmRow *row = dbm_row_make(&dbm_deployment_table);
	ItemPointerData tid;

	if (!dbm_table_get_int64(&dbm_deployment_table, run->deployment, row, &tid) ||
		!DatumGetBool(row->values[DBM_DEPLOYMENT_SINGLE]))
		return;
	row->nulls[DBM_DEPLOYMENT_OUTCOME] = row->nulls[DBM_DEPLOYMENT_FINISHED_AT] = true;
	if (outcome)
		dbm_deployment_close(row, outcome);
	else
	{
		dbm_row_set(row, DBM_DEPLOYMENT_BACKEND_PID, Int32GetDatum(MyProcPid));
		dbm_row_set(row, DBM_DEPLOYMENT_BACKEND_START, TimestampTzGetDatum(MyStartTimestamp));
	}
	dbm_table_update(row, &tid);
}

static void
set_counts(DbmRun *run, const DbmRow *row)
{
	run->execution.duration = dbm_row_int64(row, DBM_RUN_DURATION);
	run->execution.ndone = DatumGetInt32(row->values[DBM_RUN_STATEMENTS]);
}

void
dbm_run_recount(DbmRun *run)
{
	ItemPointerData tid;

	set_counts(run, read_run(run->id, &tid));
}

void
dbm_run_reopen(DbmRun *run)
{
	static const int failure[] = {
		DBM_RUN_FINISHED_AT, DBM_RUN_FAILED_STATEMENT, DBM_RUN_FAILED_LINE,
		DBM_RUN_SQLSTATE,    DBM_RUN_MESSAGE,          DBM_RUN_DETAIL,
		DBM_RUN_HINT,        DBM_RUN_SNAPSHOT_AFTER,   DBM_RUN_BLOCKERS};
	ItemPointerData tid;
	DbmRow *row = read_run(run->id, &tid);

	run->execution.run_as = dbm_run_role(run->change);
	run->execution.ran_as = OidIsValid(run->execution.run_as) ? run->execution.run_as : GetUserId();
	set_counts(run, row);
	run->snapshot_before = dbm_row_int64(row, DBM_RUN_SNAPSHOT_BEFORE);
	if (run->deployment == 0)
		run->deployment = dbm_row_int64(row, DBM_RUN_DEPLOYMENT);
	dbm_row_set_int64(row, DBM_RUN_DEPLOYMENT, run->deployment);
	if (run->reason)
		dbm_row_set_text(row, DBM_RUN_REASON, run->reason);
	dbm_row_set_text(row, DBM_RUN_OUTCOME, "running");
	for (int at = 0; at < lengthof(failure); at++)
		row->nulls[failure[at]] = true;
	set_backend(row);
	dbm_table_update(row, &tid);
	set_single_deployment(run, NULL);
}

static void
set_progress(DbmRow *row, const DbmRun *run)
{
	dbm_row_set_int64(row, DBM_RUN_DURATION, run->execution.duration);
	dbm_row_set(row, DBM_RUN_STATEMENTS, Int32GetDatum(run->execution.ndone));
	dbm_row_set_text(row, DBM_RUN_RUN_AS, GetUserNameFromId(run->execution.ran_as, true));
}

void
dbm_run_progress(const DbmRun *run)
{
	ItemPointerData tid;
	DbmRow *row = read_run(run->id, &tid);

	set_progress(row, run);
	dbm_table_update(row, &tid);
}

void
dbm_run_close(DbmRun *run, const char *outcome, const ErrorData *edata, int failed_statement,
			  int failed_line)
{
	ItemPointerData tid;
	DbmRow *row = read_run(run->id, &tid);
	DbmEvent event;

	set_progress(row, run);
	dbm_row_set_text(row, DBM_RUN_OUTCOME, outcome);
	dbm_row_set(row, DBM_RUN_FINISHED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	if (run->snapshot_after)
		dbm_row_set_int64(row, DBM_RUN_SNAPSHOT_AFTER, run->snapshot_after);
	if (run->reason)
		dbm_row_set_text(row, DBM_RUN_REASON, run->reason);
	dbm_run_fill_event(&event, run);
	event.detail = psprintf("%s, %d statements", outcome, run->execution.ndone);
	if (edata)
	{
		if (failed_statement > 0)
		{
			dbm_row_set(row, DBM_RUN_FAILED_STATEMENT, Int32GetDatum(failed_statement));
			dbm_row_set(row, DBM_RUN_FAILED_LINE, Int32GetDatum(failed_line));
		}
		dbm_run_set_error(row, edata);
		dbm_run_set_blockers(row, run);
		event.sqlstate = edata->sqlerrcode;
		event.message = edata->message;
		if (edata->detail)
			event.detail = psprintf("%s.  %s", event.detail, edata->detail);
		event.hint = edata->hint;
	}
	dbm_table_update(row, &tid);
	set_single_deployment(run, edata ? "failed" : "succeeded");
	dbm_event_record(&event);
	dbm_transaction_end_own_writes();
}
