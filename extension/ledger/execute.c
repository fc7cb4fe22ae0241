/*
 * ledger/execute.c: the server's own loop over statements
 *
 * Per statement: parse, analyse, plan, run or ProcessUtility, as
 * execute_sql_string() in commands/extension.c does for extension scripts.
 * SPI would hide line and column of an error and return COMMIT and COPY as
 * codes after having run what stands before them.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "parser/parser.h"
#include "portability/instr_time.h"
#include "storage/proc.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/errors.h"
#include "core/settings.h"
#include "guard/authorisation.h"
#include "guard/collected.h"
#include "ledger/copy_data.h"
#include "ledger/deferred.h"
#include "ledger/execute.h"
#include "ledger/lock_wait.h"
#include "ledger/run_settings.h"
#include "ledger/session.h"
#include "ledger/temporary.h"
#include "ledger/transaction.h"

/* ---- statement_timeout: armed per statement, with the value in force then ---- */

static void
arm_statement_timeout(void)
{
	if (get_timeout_active(STATEMENT_TIMEOUT))
		disable_timeout(STATEMENT_TIMEOUT, false);
	if (StatementTimeout > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, StatementTimeout);
}

/* ---- one statement ---- */

static uint64
run_plan(PlannedStmt *plan, const char *source, DestReceiver *destination)
{
	QueryDesc *query = CreateQueryDesc(plan, source, GetActiveSnapshot(), NULL, destination, NULL,
									   NULL, 0);
	uint64 rows;

	ExecutorStart(query, 0);
	dbm_executor_run(query);
	ExecutorFinish(query);
	rows = query->estate->es_processed;
	ExecutorEnd(query);
	FreeQueryDesc(query);
	return rows;
}

/* Runs what one raw statement becomes; returns rows processed, -1 for none. */
static int64
run_raw_statement(RawStmt *raw, const char *source)
{
	List *plans;
	ListCell *cell;
	int64 rows = -1;

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	plans = pg_analyze_and_rewrite_fixedparams(raw, source, NULL, 0, NULL);
	plans = pg_plan_queries(plans, source, CURSOR_OPT_PARALLEL_OK, NULL);
	PopActiveSnapshot();

	foreach (cell, plans)
	{
		PlannedStmt *plan = lfirst_node(PlannedStmt, cell);

		CommandCounterIncrement();
		PushActiveSnapshot(GetTransactionSnapshot());
		if (plan->utilityStmt == NULL)
		{
			uint64 processed = run_plan(plan, source, None_Receiver);

			if (plan->canSetTag)
				rows = (int64) processed;
		}
		else
		{
			QueryCompletion completion;

			InitializeQueryCompletion(&completion);
			ProcessUtility(plan, source, false, PROCESS_UTILITY_QUERY, NULL, NULL, None_Receiver,
						   &completion);
			if (completion.commandTag != CMDTAG_UNKNOWN &&
				command_tag_display_rowcount(completion.commandTag))
				rows = (int64) completion.nprocessed;
		}
		PopActiveSnapshot();
	}
	return rows;
}

static int64
run_statement(const DbmScript *script, const DbmStatement *statement, const char **tag)
{
	const char *source;
	RawStmt *raw = dbm_script_parse(script, statement, &source);

	*tag = GetCommandTagName(CreateCommandTag(raw->stmt));
	dbm_lock_wait_statement(raw->stmt);
	if (statement->kind == DBM_STATEMENT_COPY_DATA)
	{
		int64 rows;

		CommandCounterIncrement();
		PushActiveSnapshot(GetTransactionSnapshot());
		rows = (int64) dbm_copy_data(castNode(CopyStmt, raw->stmt), source,
									 script->text + statement->data_start, statement->data_length);
		PopActiveSnapshot();
		return rows;
	}
	return run_raw_statement(raw, source);
}

/*
 * SET is refused before the start; a function of a superuser can get round
 * that.  Triggers and foreign keys would not take part from here on.
 */
static void
require_firing_triggers(const char *change)
{
	if (SessionReplicationRole != SESSION_REPLICATION_ROLE_ORIGIN)
		ereport(ERROR, (errcode(ERRCODE_DBM_SCRIPT_REFUSED),
						errmsg("cannot set session_replication_role in change \"%s\"", change),
						errdetail("The run depends on this setting."),
						errhint("Take it out of the functions that the script calls.")));
}

static void
note_touched(DbmExecution *execution, int ordinal)
{
	ListCell *cell;

	foreach (cell, dbm_collect_take())
	{
		DbmTouchedAt *at = palloc(sizeof(DbmTouchedAt));

		at->statement = ordinal;
		at->touched = lfirst(cell);
		execution->touched = lappend(execution->touched, at);
	}
}

static void
run_all_statements(DbmExecution *execution)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "dbmaestro statement",
												  ALLOCSET_DEFAULT_SIZES);

	for (int at = 0; at < execution->script->nstatements; at++)
	{
		const DbmStatement *statement = &execution->script->statements[at];
		DbmStatementResult *result = &execution->results[at];
		DbmScriptPlace place;
		instr_time start;
		instr_time duration;

		CHECK_FOR_INTERRUPTS();
		INSTR_TIME_SET_CURRENT(start);
		arm_statement_timeout();
		dbm_script_place_begin(&place, execution->script, statement);
		MemoryContextSwitchTo(scratch);
		result->line = statement->line;
		result->rows = run_statement(execution->script, statement, &result->tag);
		require_firing_triggers(execution->change);
		MemoryContextSwitchTo(caller);
		dbm_script_place_end(&place);
		MemoryContextReset(scratch);

		note_touched(execution, statement->ordinal);
		INSTR_TIME_SET_CURRENT(duration);
		INSTR_TIME_SUBTRACT(duration, start);
		result->duration = (int64) INSTR_TIME_GET_MICROSEC(duration);
		execution->duration += result->duration;
		execution->ndone++;
	}
	MemoryContextDelete(scratch);
}

/* ---- role, settings, authorisation ---- */

static void
set_for_run(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
}

/*
 * Whatever set_config means where the search_path has led: what is done more
 * than once, also for those who only look, is the server's own.
 */
static void
pin_set_config(Node *statement)
{
	ListCell *cell;

	if (!IsA(statement, SelectStmt))
		return;
	foreach (cell, ((SelectStmt *) statement)->targetList)
		castNode(FuncCall, lfirst_node(ResTarget, cell)->val)->funcname = SystemFuncName(
			"set_config");
}

/* What the script has set in steps before this one. */
static void
repeat_settings(const DbmExecution *execution)
{
	ListCell *cell;

	foreach (cell, execution->settings)
	{
		const DbmStatement *statement = lfirst(cell);
		DbmScriptPlace place;
		const char *source;
		RawStmt *raw;

		dbm_script_place_begin(&place, execution->settings_script, statement);
		raw = dbm_script_parse(execution->settings_script, statement, &source);
		pin_set_config(raw->stmt);
		(void) run_raw_statement(raw, source);
		dbm_script_place_end(&place);
	}
}

void
dbm_execution_enter(DbmExecution *execution, DbmExecutionPlace *place)
{
	GetUserIdAndSecContext(&place->user, &place->security);
	execution->ran_as = OidIsValid(execution->run_as) ? execution->run_as : place->user;
	place->nest = NewGUCNestLevel();
	/* in this security context SET ROLE is refused, also to functions of the script */
	SetUserIdAndSecContext(execution->ran_as,
						   place->security | SECURITY_LOCAL_USERID_CHANGE |
							   (execution->looks ? SECURITY_RESTRICTED_OPERATION : 0));
	dbm_run_settings_set(execution->ran_as);
	set_for_run("search_path", dbm_setting_text(DBM_SETTING_SEARCH_PATH));
	if (!execution->patient)
		dbm_lock_wait_limit();
	repeat_settings(execution);
}

void
dbm_execution_leave(const DbmExecutionPlace *place)
{
	AtEOXact_GUC(false, place->nest);
	SetUserIdAndSecContext(place->user, place->security);
}

static int
last_ordinal(const DbmScript *script)
{
	return script->nstatements > 0 ? script->statements[script->nstatements - 1].ordinal : 0;
}

/* The part between entering and leaving; errors fly past. */
static void
run_authorised(DbmExecution *execution)
{
	DbmExecutionPlace place;

	dbm_guard_enter(execution->change, execution->run);
	PG_TRY();
	{
		dbm_execution_enter(execution, &place);
		dbm_collect_begin();
		dbm_deferred_begin();
		run_all_statements(execution);
		dbm_lock_wait_statement(NULL);
		dbm_deferred_fire(execution->change);
		note_touched(execution, last_ordinal(execution->script));
		dbm_transaction_drop_leftovers();
		dbm_temporary_drop();
		dbm_session_keep_channels();
		dbm_execution_leave(&place);
	}
	PG_FINALLY();
	{
		dbm_collect_end();
		dbm_guard_leave();
	}
	PG_END_TRY();
}

ErrorData *
dbm_execute(DbmExecution *execution)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	bool timeout_was_armed = get_timeout_active(STATEMENT_TIMEOUT);
	List *locks = dbm_session_locks();
	ErrorData *volatile failure = NULL;

	execution->results = MemoryContextAllocHuge(
		caller, (Size) (execution->script->nstatements + 1) * sizeof(DbmStatementResult));
	execution->started_at = GetCurrentTimestamp();
	/*
	 * A subtransaction: after a failure everything the script holds, locks
	 * first of all, is given back before the failure is recorded.
	 */
	BeginInternalSubTransaction("dbmaestro_run");
	MemoryContextSwitchTo(caller);
	dbm_lock_wait_begin();
	PG_TRY();
	{
		run_authorised(execution);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		failure = CopyErrorData();
		FlushErrorState();
		execution->wait = dbm_lock_wait_failed(failure);
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
	}
	PG_END_TRY();
	dbm_lock_wait_end();

	/* prepared statements outlive even the rollback, and so do locks of the session */
	if (failure)
		dbm_transaction_drop_leftovers();
	dbm_session_keep_locks(locks);
	/* the rest of the client's statement has its full time again */
	if (timeout_was_armed)
		arm_statement_timeout();
	else if (get_timeout_active(STATEMENT_TIMEOUT))
		disable_timeout(STATEMENT_TIMEOUT, false);
	return failure;
}
