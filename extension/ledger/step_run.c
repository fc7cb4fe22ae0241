/*
 * ledger/step_run.c: take the steps of a run, one transaction after another
 *
 * A group of statements is one transaction, in which its row of run_step is
 * written: the row proves it.  The last step ends the run in its transaction.
 * Statements that run by themselves are step_single.c's.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "audit/refusal.h"
#include "core/errors.h"
#include "ledger/change.h"
#include "ledger/commit.h"
#include "ledger/lock_retry.h"
#include "ledger/step.h"
#include "ledger/step_run.h"
#include "ledger/step_single.h"
#include "ledger/tables.h"
#include "ledger/transaction.h"

/* ---- transactions ---- */

ErrorData *
dbm_step_attempt(DbmStepRun *steps, DbmStepWork work, void *argument)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	DbmStepRun before = *steps;
	ErrorData *volatile failure = NULL;

	steps->ending = false;
	BeginInternalSubTransaction("dbmaestro_step");
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		work(steps, argument);
		PopActiveSnapshot();
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		before.failed_statement = steps->failed_statement;
		before.ending = steps->ending;
		before.run.blockers = steps->run.blockers;
		MemoryContextSwitchTo(caller);
		failure = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		/* what it has counted did not happen */
		*steps = before;
	}
	PG_END_TRY();
	return failure;
}

bool
dbm_step_try_again(int attempt, TimestampTz began, const ErrorData *failure)
{
	if (!dbm_lock_retry_helps(failure))
		return false;
	/* nothing was done in this transaction; while we wait we hold nothing */
	SPI_commit();
	return dbm_lock_retry_wait(attempt, began, failure);
}

void
dbm_step_commit(DbmStepRun *steps)
{
	dbm_commit_expect(steps->capability, steps->run.act, steps->run.change);
	dbm_transaction_force_synchronous();
	SPI_commit();
}

/* ---- the end ---- */

const char *
dbm_step_run_outcome(const DbmStepRun *steps)
{
	return steps->applied ? "rolled back" : "applied";
}

static void
finish(DbmStepRun *steps, void *argument)
{
	DbmRun *run = &steps->run;

	dbm_run_take_snapshot(run);
	if (steps->applied && run->prove)
		dbm_rollback_require_proven(steps->applied, run);
	dbm_change_lock(run->change);
	if (steps->applied)
		dbm_change_set_state(run->change, "rolled back", 0);
	else
		dbm_change_set_state(run->change, "applied", run->id);
	dbm_run_close(run, dbm_step_run_outcome(steps), NULL, 0, 0);
}

void
dbm_step_advance(DbmStepRun *steps)
{
	if (steps->current == NULL || (steps->current == llast(steps->steps) && !steps->open_end))
	{
		steps->ending = true;
		finish(steps, NULL);
	}
	else
		dbm_run_progress(&steps->run);
}

/* ---- failure ---- */

/* Puts the change back to what it was: nothing of this run is there. */
static void
restore_change(const DbmStepRun *steps)
{
	DbmRow *present = dbm_row_make(&dbm_change_table);
	ItemPointerData tid;

	if (!dbm_change_find(steps->run.change, present, &tid))
		return;
	if (steps->no_change_before)
		dbm_table_delete(&dbm_change_table, &tid);
	else if (steps->change_before)
		dbm_table_update(steps->change_before, &tid);
}

static const char *
outcome_of_failure(const DbmStepRun *steps)
{
	if (steps->unknown || dbm_step_count(steps->run.id, "running") > 0)
		return "interrupted";
	if (steps->left_behind || dbm_step_count(steps->run.id, "done") > 0 ||
		dbm_step_count(steps->run.id, "adopted") > 0)
		return "partial";
	return "failed";
}

/* A group that failed has left no row. */
static void
write_failed_group(const DbmStepRun *steps, const ErrorData *edata)
{
	DbmRow *row;

	if (steps->current == NULL || steps->current->single)
		return;
	row = dbm_step_row(steps->run.id, steps->current, 1, steps->run.script);
	dbm_row_set_text(row, DBM_RUN_STEP_STATE, "failed");
	dbm_row_set(row, DBM_RUN_STEP_STARTED_AT, TimestampTzGetDatum(steps->began));
	dbm_row_set(row, DBM_RUN_STEP_FINISHED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_step_set_error(row, edata);
	dbm_row_set_text(row, DBM_RUN_STEP_EVIDENCE, "Its transaction was rolled back.");
	dbm_step_write(row);
}

/* Our own errors send people to dbm_resume, which needs something to go on with. */
static void
correct_hint(ErrorData *edata)
{
	if (edata->sqlerrcode == ERRCODE_DBM_STEP || edata->sqlerrcode == ERRCODE_DBM_PERMIT ||
		edata->sqlerrcode == ERRCODE_INSUFFICIENT_RESOURCES)
		edata->hint = MemoryContextStrdup(edata->assoc_context,
										  "Nothing of it is left.  Apply it again.");
}

/* Who is half way back is told how to go on, unless the error says it. */
static void
add_way_back(const DbmStepRun *steps, ErrorData *edata)
{
	const char *change = quote_literal_cstr(steps->run.change);

	if (steps->run.rollback && edata->hint == NULL)
		edata->hint = MemoryContextStrdup(
			edata->assoc_context,
			psprintf(
				"Run CALL dbm_resume(%s); to go on, or, with a corrected rollback script, CALL "
				"dbm_rollback_in_steps(%s, rollback => '...');",
				change, change));
}

static void
record_failure(DbmStepRun *steps, void *argument)
{
	ErrorData *edata = argument;
	const char *outcome = outcome_of_failure(steps);
	int statement = steps->failed_statement;
	int line = 0;

	if (statement == 0 && steps->current)
		statement = steps->current->first;
	if (statement > 0)
		line = steps->run.script->statements[statement - 1].line;
	write_failed_group(steps, edata);
	if (strcmp(outcome, "failed") == 0)
	{
		restore_change(steps);
		correct_hint(edata);
	}
	else if (strcmp(outcome, "partial") == 0)
	{
		add_way_back(steps, edata);
		dbm_run_take_snapshot(&steps->run);
	}
	dbm_run_close(&steps->run, outcome, edata, statement, line);
}

static void
record_after_rollback(DbmStepRun *steps, void *argument)
{
	dbm_run_recount(&steps->run);
	steps->run.snapshot_after = 0;
	record_failure(steps, argument);
}

void
dbm_step_fail(DbmStepRun *steps, ErrorData *edata)
{
	ErrorData *failure = dbm_step_attempt(steps, record_failure, edata);

	if (failure)
		ReThrowError(failure);
	/* no question at this commit: what was done is to be on record whoever asks */
	dbm_transaction_force_synchronous();
	SPI_commit();
	steps->recorded = true;
	ReThrowError(edata);
}

/*
 * What was not foreseen, such as a commit that was refused, has cost the
 * transaction, and with it the lock.  If nobody has taken that meanwhile, it is
 * recorded all the same; else the run shows as interrupted.
 */
static void
record_unforeseen(DbmStepRun *steps, ErrorData *edata)
{
	MemoryContext caller = CurrentMemoryContext;

	SPI_rollback();
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		dbm_transaction_hold_deployment();
		if (dbm_step_attempt(steps, record_after_rollback, edata) == NULL)
		{
			SPI_commit();
			steps->recorded = true;
		}
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		FlushErrorState();
	}
	PG_END_TRY();
}

/* ---- groups ---- */

void
dbm_step_execute(DbmStepRun *steps, DbmExecution *execution)
{
	const DbmStep *step = steps->current;
	ErrorData *failure;

	execution->change = steps->run.change;
	execution->run = steps->run.id;
	execution->run_as = steps->run.execution.run_as;
	execution->settings = dbm_script_settings(steps->run.script, step->first);
	execution->settings_script = steps->run.script;
	failure = dbm_execute(execution);
	if (failure)
	{
		steps->failed_statement = Min(step->first + execution->ndone, step->last);
		dbm_run_name_blockers(&steps->run, execution->wait, failure);
		ReThrowError(failure);
	}
	steps->run.execution.ran_as = execution->ran_as;
	steps->run.execution.duration += execution->duration;
}

static void
run_group(DbmStepRun *steps, void *argument)
{
	const DbmStep *step = steps->current;
	DbmScript part = *steps->run.script;
	DbmExecution execution = {.script = &part};
	DbmRow *row = dbm_step_row(steps->run.id, step, 1, steps->run.script);

	part.statements += step->first - 1;
	part.nstatements = step->last - step->first + 1;
	dbm_step_execute(steps, &execution);
	steps->run.execution.ndone += execution.ndone;
	dbm_run_write_execution(steps->run.id, &execution, &steps->objects);

	dbm_row_set_text(row, DBM_RUN_STEP_STATE, "done");
	dbm_row_set(row, DBM_RUN_STEP_STARTED_AT, TimestampTzGetDatum(execution.started_at));
	dbm_row_set(row, DBM_RUN_STEP_FINISHED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_text(row, DBM_RUN_STEP_EVIDENCE,
					 psprintf("This row was committed with it, in transaction " UINT64_FORMAT ".",
							  U64FromFullTransactionId(GetTopFullTransactionId())));
	dbm_step_write(row);
	dbm_step_advance(steps);
}

static void
take_group(DbmStepRun *steps)
{
	TimestampTz began = GetCurrentTimestamp();
	ErrorData *failure;

	steps->began = began;
	for (int attempt = 1; (failure = dbm_step_attempt(steps, run_group, NULL)) != NULL; attempt++)
	{
		if (!dbm_step_try_again(attempt, began, failure))
			dbm_step_fail(steps, failure);
		steps->began = GetCurrentTimestamp();
	}
	dbm_step_commit(steps);
}

/* ---- all of it ---- */

static void
take_steps(DbmStepRun *steps)
{
	ListCell *cell;
	bool finished = false;

	foreach (cell, steps->steps)
	{
		steps->current = lfirst(cell);
		steps->failed_statement = 0;
		CHECK_FOR_INTERRUPTS();
		finished = !dbm_step_is_done(steps->run.id, steps->current);
		if (!finished)
			continue;
		if (steps->current->single)
			dbm_step_take_single(steps);
		else
			take_group(steps);
	}
	if (!finished)
	{
		ErrorData *failure;

		steps->current = NULL;
		failure = dbm_step_attempt(steps, finish, NULL);
		if (failure)
			dbm_step_fail(steps, failure);
		dbm_step_commit(steps);
	}
}

void
dbm_step_run_perform(DbmStepRun *steps)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData *edata;

	PG_TRY();
	{
		dbm_step_commit(steps);
		take_steps(steps);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		if (!steps->recorded)
			record_unforeseen(steps, edata);
		if (steps->recorded)
			dbm_refusal_recorded();
		ReThrowError(edata);
	}
	PG_END_TRY();
	dbm_transaction_release_deployment();
}
