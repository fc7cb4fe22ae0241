/*
 * ledger/step_worker.c: the background worker that runs one statement of a run
 *
 * It has no role of its own, so that scripts can run as a role that may not log
 * in.  It runs nothing before it has taken the permit: once, for this text, from
 * the backend that was given it, in time.  A worker that crashes restarts the
 * whole cluster, so it does no more than it must.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "optimizer/planner.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "storage/shm_toc.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "audit/durable.h"
#include "audit/event.h"
#include "audit/origin.h"
#include "core/compat.h"
#include "core/digest.h"
#include "core/errors.h"
#include "core/installed.h"
#include "guard/authorisation.h"
#include "guard/collected.h"
#include "ledger/deployment.h"
#include "ledger/index_state.h"
#include "ledger/lock_wait.h"
#include "ledger/relation_name.h"
#include "ledger/run.h"
#include "ledger/step.h"
#include "ledger/step_order.h"
#include "ledger/tables.h"
#include "ledger/transaction.h"

extern PGDLLEXPORT void dbm_step_worker_main(Datum argument);

/* ---- the order ---- */

static void
attach(dsm_handle handle, DbmStepOrder *order)
{
	dsm_segment *segment;
	shm_toc *toc;
	shm_mq *queue;

	CurrentResourceOwner = ResourceOwnerCreate(NULL, "dbmaestro step");
	segment = dsm_attach(handle);
	if (segment == NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the backend that asked for a step is gone")));
	dsm_pin_mapping(segment);
	toc = shm_toc_attach(DBM_STEP_MAGIC, dsm_segment_address(segment));
	if (toc == NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("bad magic number in dynamic shared memory segment")));
	order->head = *(DbmStepHead *) shm_toc_lookup(toc, DBM_STEP_KEY_HEAD, false);
	order->change = pstrdup(shm_toc_lookup(toc, DBM_STEP_KEY_CHANGE, false));
	order->statement = pstrdup(shm_toc_lookup(toc, DBM_STEP_KEY_STATEMENT, false));
	order->settings = shm_toc_lookup(toc, DBM_STEP_KEY_SETTINGS, false);

	queue = shm_toc_lookup(toc, DBM_STEP_KEY_QUEUE, false);
	shm_mq_set_sender(queue, MyProc);
	pq_redirect_to_shm_mq(segment, shm_mq_attach(queue, segment, NULL));
}

/* The settings of the run, as a group of statements would have them. */
static void
restore_settings(const DbmStepOrder *order)
{
	StartTransactionCommand();
	RestoreGUCState(order->settings);
	/* the one who asks expects messages in the encoding of the database */
	SetConfigOption("client_encoding", GetDatabaseEncodingName(), PGC_INTERNAL, PGC_S_OVERRIDE);
	CommitTransactionCommand();
}

/* What goes on record here, refusals first of all, is the act of whoever has asked. */
static void
act_for_asking(const DbmStepOrder *order)
{
	static DbmOrigin origin;

	StartTransactionCommand();
	MemoryContextSwitchTo(MessageContext);
	dbm_durable_prepare();
	dbm_origin_read_actor(&origin);
	dbm_origin_read_environment(&origin);
	origin.actor.authenticated = order->head.asking;
	origin.actor.authenticated_name = GetUserNameFromId(order->head.asking, true);
	origin.actor.pid = MyBgworkerEntry->bgw_notify_pid;
	origin.actor.backend_start = order->head.asking_start;
	(void) dbm_origin_keep(&origin);
	CommitTransactionCommand();
}

/* ---- the permit ---- */

/* What speaks against the permit: a sentence, or NULL. */
static const char *
object_to_permit(const DbmStepOrder *order, const DbmRow *row)
{
	uint8 given[DBM_DIGEST_LENGTH];
	uint8 present[DBM_DIGEST_LENGTH];

	if (row->nulls[DBM_RUN_STEP_PERMIT] ||
		memcmp(DatumGetUUIDP(row->values[DBM_RUN_STEP_PERMIT]), &order->head.permit, UUID_LEN) != 0)
		return "It is not the permit of this step.";
	if (!dbm_step_is(row, "intended"))
		return psprintf("It has been used: the step is %s.", dbm_row_text(row, DBM_RUN_STEP_STATE));
	dbm_digest_of(order->statement, strlen(order->statement), given);
	if (!dbm_row_digest(row, DBM_RUN_STEP_DIGEST, present) ||
		memcmp(given, present, DBM_DIGEST_LENGTH) != 0)
		return "It is for another statement.";
	if (DatumGetTimestampTz(row->values[DBM_RUN_STEP_EXPIRES_AT]) < GetCurrentTimestamp())
		return psprintf("It has expired at %s.", timestamptz_to_str(DatumGetTimestampTz(
													 row->values[DBM_RUN_STEP_EXPIRES_AT])));
	if (DatumGetInt32(row->values[DBM_RUN_STEP_BACKEND_PID]) != MyBgworkerEntry->bgw_notify_pid ||
		DatumGetTimestampTz(row->values[DBM_RUN_STEP_BACKEND_START]) != order->head.asking_start ||
		dbm_transaction_deployer() != MyBgworkerEntry->bgw_notify_pid)
		return "It was given to another backend.";
	return NULL;
}

static void
record_refusal(const DbmStepOrder *order, const char *message, const char *objection)
{
	DbmEvent event = {
		.kind = "refused",
		.action = "dbmaestro step",
		.change = order->change,
		.run = order->head.run,
		.statement = order->statement,
		.sqlstate = ERRCODE_DBM_PERMIT,
		.message = message,
		.detail = objection,
	};

	dbm_event_record(&event);
}

/* Takes the permit, or records that it was refused, and raises. */
static void
take_permit(const DbmStepOrder *order)
{
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	const char *objection = "Another deployment has begun.";
	const char *message = psprintf("no permit to run step %d of run " INT64_FORMAT,
								   order->head.ordinal, order->head.run);
	ItemPointerData tid;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	dbm_table_lock(&dbm_run_step_table);
	if (dbm_transaction_join_deployment())
		objection = dbm_step_find(order->head.run, order->head.ordinal, order->head.part, row, &tid)
						? object_to_permit(order, row)
						: "There is no such step.";
	if (objection)
	{
		objection = MemoryContextStrdup(TopMemoryContext, objection);
		record_refusal(order, message, objection);
	}
	else
	{
		dbm_row_set_text(row, DBM_RUN_STEP_STATE, "running");
		dbm_row_set(row, DBM_RUN_STEP_WORKER_PID, Int32GetDatum(MyProcPid));
		dbm_table_update(row, &tid);
		dbm_transaction_force_synchronous();
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	if (objection)
		ereport(ERROR, (errcode(ERRCODE_DBM_PERMIT), errmsg_internal("%s", message),
						errdetail_internal("%s", objection),
						order->change[0] ? errhint("Run: CALL dbm_resume(%s);",
												   quote_literal_cstr(order->change))
										 : 0));
}

/* ---- the statement ---- */

/* StartTransaction() wants no security context that outlives a transaction. */
static void
end_security_context(XactEvent event, void *argument)
{
	Oid user;
	int security;

	if (event != XACT_EVENT_COMMIT)
		return;
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(user, 0);
}

static PlannedStmt *
plan_statement(const DbmStepOrder *order)
{
	List *parsed = pg_parse_query(order->statement);
	RawStmt *raw;
	List *plans;

	if (list_length(parsed) != 1)
		elog(ERROR, "a step holds %d statements", list_length(parsed));
	raw = linitial_node(RawStmt, parsed);
	PushActiveSnapshot(GetTransactionSnapshot());
	plans = pg_analyze_and_rewrite_fixedparams(raw, order->statement, NULL, 0, NULL);
	plans = pg_plan_queries(plans, order->statement, 0, NULL);
	PopActiveSnapshot();
	if (list_length(plans) != 1 || linitial_node(PlannedStmt, plans)->utilityStmt == NULL)
		elog(ERROR, "a step is no utility statement");
	return linitial_node(PlannedStmt, plans);
}

/* Through a portal, as a client's statement would be: some commands lean on one. */
static void
run_in_portal(const DbmStepOrder *order, PlannedStmt *plan, QueryCompletion *completion)
{
	Portal portal = CreatePortal("", true, true);
	DestReceiver *destination = CreateDestReceiver(DestNone);

	PortalDefineQuery(portal, NULL, order->statement, CreateCommandTag(plan->utilityStmt),
					  list_make1(plan), NULL);
	PortalStart(portal, NULL, 0, InvalidSnapshot);
	dbm_portal_run(portal, destination, completion);
	destination->rDestroy(destination);
	PortalDrop(portal, false);
}

/*
 * Is the invalid index that is to be dropped gone, or valid?  It may have been in
 * the hands of a session that builds or drops it, and that nobody could see at
 * work.
 */
static bool
is_cleaned_up(const DbmStepOrder *order)
{
	const DropStmt *drop = (const DropStmt *) dbm_step_parse(order->statement)->stmt;
	DbmIndexState state;
	Oid index;

	if (!IsA(drop, DropStmt) || drop->removeType != OBJECT_INDEX || !drop->concurrent)
		return false;
	index = dbm_relation_find_list(linitial_node(List, drop->objects));
	if (!OidIsValid(index) || !dbm_index_state(index, &state))
		return true;
	dbm_index_lock(index, state.table);
	return !dbm_index_state(index, &state) || state.valid;
}

static void
run_statement(const DbmStepOrder *order, QueryCompletion *completion)
{
	StartTransactionCommand();
	SetUserIdAndSecContext(order->head.run_as, SECURITY_LOCAL_USERID_CHANGE);
	dbm_transaction_force_synchronous();
	MemoryContextSwitchTo(MessageContext);
	if (StatementTimeout > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, StatementTimeout);
	if (!order->head.cleanup || !is_cleaned_up(order))
		run_in_portal(order, plan_statement(order), completion);
	if (get_timeout_active(STATEMENT_TIMEOUT))
		disable_timeout(STATEMENT_TIMEOUT, false);
	CommitTransactionCommand();
	MemoryContextSwitchTo(MessageContext);
}

/* ---- the answer ---- */

static void
send_objects(List *touched)
{
	StringInfoData message;
	ListCell *cell;

	pq_beginmessage(&message, DBM_STEP_OBJECTS);
	foreach (cell, touched)
		dbm_row_serialize(&message, dbm_run_object_row(lfirst(cell)));
	pq_endmessage(&message);
}

static void
send_wait(const DbmLockWait *wait)
{
	StringInfoData message;

	pq_beginmessage(&message, DBM_STEP_WAIT);
	dbm_lock_wait_serialize(&message, wait);
	pq_endmessage(&message);
}

static void
send_completion(const QueryCompletion *completion)
{
	StringInfoData message;
	bool has_rows = completion->commandTag != CMDTAG_UNKNOWN &&
					command_tag_display_rowcount(completion->commandTag);

	pq_beginmessage(&message, DBM_STEP_COMPLETE);
	pq_sendint64(&message, has_rows ? (int64) completion->nprocessed : -1);
	pq_endmessage(&message);
}

/*
 * The process was authenticated as the bootstrap superuser, and whoever was may
 * become anybody.  The security context that forbids it in a script ends with
 * the first transaction of a concurrent build; code that is called later, as by
 * an event trigger at its end, is still to be the role of the run.
 */
static void
forbid_change_of_role(void)
{
	static const char *const names[] = {"session_authorization", "role"};

	for (int at = 0; at < lengthof(names); at++)
	{
		struct config_generic *setting = dbm_find_setting(names[at]);

		if (setting == NULL)
			elog(ERROR, "there is no setting \"%s\"", names[at]);
		setting->context = PGC_INTERNAL;
	}
}

static planner_hook_type next_planner = NULL;

/*
 * A process that helps with a query is authenticated as this one was, and knows
 * nothing of what is forbidden here: no query has any.
 */
static PlannedStmt *
plan_alone(Query *query, const char *text, int options, ParamListInfo parameters)
{
	options &= ~CURSOR_OPT_PARALLEL_OK;
	return next_planner ? next_planner(query, text, options, parameters)
						: standard_planner(query, text, options, parameters);
}

static void
become(Oid role)
{
	StartTransactionCommand();
	SetSessionAuthorization(role, superuser_arg(role));
	SetCurrentRoleId(InvalidOid, false);
	forbid_change_of_role();
	next_planner = planner_hook;
	planner_hook = plan_alone;
	CommitTransactionCommand();
}

/* Whoever kept a lock from it still holds it, and we still hold ours. */
static void
run_and_watch(const DbmStepOrder *order, QueryCompletion *completion)
{
	dbm_lock_wait_begin();
	PG_TRY();
	{
		run_statement(order, completion);
	}
	PG_CATCH();
	{
		DbmLockWait *wait;

		MemoryContextSwitchTo(MessageContext);
		wait = dbm_lock_wait_failed(CopyErrorData());
		if (wait)
			send_wait(wait);
		PG_RE_THROW();
	}
	PG_END_TRY();
	dbm_lock_wait_end();
}

static void
carry_out(const DbmStepOrder *order)
{
	QueryCompletion completion;

	InitializeQueryCompletion(&completion);
	dbm_collect_begin();
	dbm_guard_enter_step(order->change, order->head.run);
	run_and_watch(order, &completion);
	send_objects(dbm_collect_take());
	dbm_guard_leave();
	send_completion(&completion);
}

void
dbm_step_worker_main(Datum argument)
{
	ErrorContextCallback hidden;
	DbmStepOrder order = {0};

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	dbm_run_hide_statement(&hidden);
	MessageContext = AllocSetContextCreate(TopMemoryContext, "dbmaestro step",
										   ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(MessageContext);
	attach(DatumGetUInt32(argument), &order);
	/* no role: that of the run may be barred from logging in */
	BackgroundWorkerInitializeConnectionByOid(order.head.database, InvalidOid,
											  BGWORKER_BYPASS_ALLOWCONN);
	RegisterXactCallback(end_security_context, NULL);
	MemoryContextSwitchTo(MessageContext);
	restore_settings(&order);
	debug_query_string = order.statement;
	pgstat_report_activity(STATE_RUNNING, order.statement);
	act_for_asking(&order);
	take_permit(&order);
	become(order.head.run_as);
	MemoryContextSwitchTo(MessageContext);
	carry_out(&order);
	proc_exit(0);
}
