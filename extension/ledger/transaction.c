/*
 * ledger/transaction.c: the state a transaction must be in for a run
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_extension.h"
#include "commands/prepare.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "tcop/pquery.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/result.h"
#include "core/settings.h"
#include "guard/authorisation.h"
#include "ledger/deferred.h"
#include "ledger/temporary.h"
#include "ledger/transaction.h"

/* objsubid of our locks on the extension; 0 is the server's own */
#define DEPLOYMENT_LOCK 1

/* Command id after our last write in this transaction: nobody wrote since if it stands. */
static CommandId own_writes_until = InvalidCommandId;

/* Somebody else wrote in this transaction before one of our writes. */
static bool foreign_writes = false;

static void
forget_at_end(XactEvent event, void *argument)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
	{
		own_writes_until = InvalidCommandId;
		foreign_writes = false;
	}
}

void
dbm_transaction_init(void)
{
	RegisterXactCallback(forget_at_end, NULL);
}

bool
dbm_transaction_begin_own_writes(void)
{
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
	{
		/* the counter only moves when the commands before have written */
		CommandCounterIncrement();
		if (own_writes_until == InvalidCommandId || GetCurrentCommandId(false) != own_writes_until)
			foreign_writes = true;
	}
	return !foreign_writes;
}

void
dbm_transaction_end_own_writes(void)
{
	CommandCounterIncrement();
	own_writes_until = GetCurrentCommandId(false);
}

static void
require_no_prior_writes(const char *act)
{
	if (dbm_transaction_begin_own_writes())
		return;
	if (!dbm_setting_bool(DBM_SETTING_ALLOW_PRIOR_WRITES))
		ereport(ERROR,
				(errcode(ERRCODE_DBM_TRANSACTION_STATE),
				 errmsg("%s cannot run in a transaction that has already written", act),
				 errdetail("What was written before would be committed or rolled back with the "
						   "change, and its deferred triggers would fire inside the run."),
				 errhint("Run %s in a transaction of its own, or set allow_prior_writes with "
						 "dbm_configure.",
						 act)));
	/* what they queued fires here, as the caller, and not in the run */
	dbm_deferred_fire_before();
}

/* Triggers, foreign keys among them, would not fire for what the script does. */
static void
require_firing_triggers(const char *act)
{
	if (SessionReplicationRole != SESSION_REPLICATION_ROLE_ORIGIN)
		ereport(ERROR, (errcode(ERRCODE_DBM_TRANSACTION_STATE),
						errmsg("%s cannot run while session_replication_role is not origin", act),
						errdetail("Triggers and foreign keys would not take part."),
						errhint("Run: RESET session_replication_role;")));
}

/* A portal that is executing cannot be run once more; any other could be. */
static bool
is_executing(const char *portal_name)
{
	Portal portal = GetPortalByName(portal_name);

	return PortalIsValid(portal) && portal->status == PORTAL_ACTIVE;
}

/* A cursor opened before would run its query with the rights of the run. */
static void
require_no_cursors(const char *act)
{
	TupleDesc descriptor;
	Tuplestorestate *rows = dbm_call_set(pg_cursor, F_PG_CURSOR, &descriptor);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);

	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		bool is_null;
		char *name = TextDatumGetCString(slot_getattr(slot, 1, &is_null));

		if (is_executing(name))
			continue;
		ereport(ERROR, (errcode(ERRCODE_DBM_TRANSACTION_STATE),
						errmsg("%s cannot run while cursor \"%s\" is open", act, name),
						errdetail("A cursor from before a run could be used inside it."),
						errhint("Run: CLOSE ALL;")));
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(rows);
}

/* Was it prepared by SQL, and is it not the one by which we were called? */
static bool
is_foreign_statement(const PreparedStatement *prepared)
{
	return prepared->from_sql && (ActivePortal == NULL || strcmp(prepared->plansource->query_string,
																 ActivePortal->sourceText) != 0);
}

/*
 * A statement prepared by SQL before the run could be executed by a function
 * inside it.  The one that is being executed now is how we were called.
 */
static void
require_no_prepared_statements(const char *act)
{
	TupleDesc descriptor;
	Tuplestorestate *rows = dbm_call_set(pg_prepared_statement, F_PG_PREPARED_STATEMENT,
										 &descriptor);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);

	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		bool is_null;
		char *name = TextDatumGetCString(slot_getattr(slot, 1, &is_null));
		PreparedStatement *prepared = FetchPreparedStatement(name, false);

		if (prepared == NULL || !is_foreign_statement(prepared))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_DBM_TRANSACTION_STATE),
				 errmsg("%s cannot run while the prepared statement \"%s\" exists", act, name),
				 errdetail("A statement from before a run could be executed inside it."),
				 errhint("Run: DEALLOCATE ALL;")));
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(rows);
}

/*
 * The query of a holdable cursor is run at the commit, by the server, as
 * whoever deploys, and any other when the client fetches.  None was open
 * before the run: what is open now, the run has opened.
 */
static void
close_cursors(void)
{
	TupleDesc descriptor;
	Tuplestorestate *rows = dbm_call_set(pg_cursor, F_PG_CURSOR, &descriptor);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);

	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		bool is_null;
		char *name = TextDatumGetCString(slot_getattr(slot, 1, &is_null));

		if (!is_executing(name))
			PortalDrop(GetPortalByName(name), false);
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(rows);
}

/* The same of statements: the client could take one of them for its own. */
static void
drop_prepared_statements(void)
{
	TupleDesc descriptor;
	Tuplestorestate *rows = dbm_call_set(pg_prepared_statement, F_PG_PREPARED_STATEMENT,
										 &descriptor);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);

	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		bool is_null;
		char *name = TextDatumGetCString(slot_getattr(slot, 1, &is_null));
		PreparedStatement *prepared = FetchPreparedStatement(name, false);

		if (prepared && is_foreign_statement(prepared))
			DropPreparedStatement(name, false);
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(rows);
}

void
dbm_transaction_drop_leftovers(void)
{
	close_cursors();
	drop_prepared_statements();
}

void
dbm_transaction_require_outside_run(const char *act)
{
	if (dbm_guard_inside_run())
		ereport(ERROR, (errcode(ERRCODE_DBM_NESTED_RUN),
						errmsg("%s cannot run inside the run of change \"%s\"", act,
							   dbm_guard_current_change()),
						errdetail("A script cannot deploy or roll back another change."),
						errhint("Make it a change of its own, and name it in the header field "
								"Requires.")));
}

void
dbm_transaction_require_fit(const char *act)
{
	dbm_transaction_require_outside_run(act);
	PreventCommandIfReadOnly(act);
	PreventCommandDuringRecovery(act);
	PreventCommandIfParallelMode(act);
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_DBM_TRANSACTION_STATE),
				 errmsg("%s cannot run at isolation level %s", act,
						XactIsoLevel == XACT_SERIALIZABLE ? "SERIALIZABLE" : "REPEATABLE READ"),
				 errdetail("It must see what others have applied up to this moment."),
				 errhint("Run: SET TRANSACTION ISOLATION LEVEL READ COMMITTED; first.")));
	require_firing_triggers(act);
	require_no_cursors(act);
	require_no_prepared_statements(act);
	dbm_temporary_require_none(act);
	require_no_prior_writes(act);
}

void
dbm_transaction_force_synchronous(void)
{
	if (synchronous_commit < SYNCHRONOUS_COMMIT_LOCAL_FLUSH)
		(void) set_config_option("synchronous_commit", "local", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, 0, false);
}

static void
set_deployment_tag(LOCKTAG *tag)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, ExtensionRelationId, dbm_extension_oid(),
					   DEPLOYMENT_LOCK);
}

/* Who deploys, or else a worker that is still at it although its deployer is gone. */
static int
find_holder(const LOCKTAG *tag, bool *is_worker)
{
	LockData *locks = GetLockStatusData();
	int worker = 0;

	*is_worker = false;
	for (int at = 0; at < locks->nelements; at++)
	{
		LockInstanceData *lock = &locks->locks[at];

		if (memcmp(&lock->locktag, tag, sizeof(LOCKTAG)) != 0 || lock->holdMask == 0)
			continue;
		if ((lock->holdMask & ~LOCKBIT_ON(RowExclusiveLock)) != 0)
			return lock->pid;
		worker = lock->pid;
	}
	*is_worker = worker != 0;
	return worker;
}

int
dbm_transaction_deployer(void)
{
	LOCKTAG tag;
	bool is_worker;

	set_deployment_tag(&tag);
	return find_holder(&tag, &is_worker);
}

int
dbm_transaction_worker(void)
{
	LOCKTAG tag;
	LockData *locks = GetLockStatusData();

	set_deployment_tag(&tag);
	for (int at = 0; at < locks->nelements; at++)
	{
		if (memcmp(&locks->locks[at].locktag, &tag, sizeof(LOCKTAG)) == 0 &&
			locks->locks[at].holdMask == LOCKBIT_ON(RowExclusiveLock))
			return locks->locks[at].pid;
	}
	return 0;
}

static char *
describe_backend(int pid)
{
	int count = pgstat_fetch_stat_numbackends();

	for (int at = 1; at <= count; at++)
	{
		LocalPgBackendStatus *local = dbm_backend_status(at);

		if (local && local->backendStatus.st_procpid == pid)
			return psprintf("Held by process %d, role \"%s\", application \"%s\", since %s.", pid,
							GetUserNameFromId(local->backendStatus.st_userid, true),
							local->backendStatus.st_appname,
							timestamptz_to_str(local->backendStatus.st_xact_start_timestamp));
	}
	return psprintf("Held by process %d.", pid);
}

static void
refuse_second_deployer(const LOCKTAG *tag)
{
	bool is_worker;
	int holder = find_holder(tag, &is_worker);

	ereport(ERROR, (errcode(ERRCODE_DBM_DEPLOYMENT_IN_PROGRESS),
					errmsg("another deployment is in progress in this database"),
					holder ? errdetail("%s", describe_backend(holder))
						   : errdetail("It has ended in the meantime."),
					errhint("Try again when it has ended.")));
}

/* Not by a unix socket.  Asked of the server's function: the header of MyProcPort wants others' headers. */
static bool
comes_over_network(void)
{
	LOCAL_FCINFO(fcinfo, 0);

	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
	(void) inet_client_port(fcinfo);
	return !fcinfo->isnull;
}

/*
 * A client whose network is gone says nothing, and in its transaction others
 * would wait for it as long as the system takes to notice: two hours.  Whoever
 * has chosen anything keeps that.
 */
static void
watch_client(void)
{
	static const char *const settings[][2] = {{"tcp_keepalives_idle", "60"},
											  {"tcp_keepalives_interval", "15"},
											  {"tcp_keepalives_count", "4"},
											  {"tcp_user_timeout", "120000"}};

	if (!comes_over_network() || tcp_keepalives_idle != 0 || tcp_keepalives_interval != 0 ||
		tcp_keepalives_count != 0 || tcp_user_timeout != 0)
		return;
	for (int at = 0; at < lengthof(settings); at++)
		(void) set_config_option(settings[at][0], settings[at][1], PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, 0, false);
}

void
dbm_transaction_lock_deployment(void)
{
	LOCKTAG tag;

	set_deployment_tag(&tag);
	if (LockAcquire(&tag, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		refuse_second_deployer(&tag);
	watch_client();
}

/* ---- a run in several transactions ---- */

/* How long the worker of a deployer who is gone is waited for: it is told to end. */
#define ORPHAN_WAIT_MS 5000

/* Is it a worker alone that keeps others out? */
static bool
is_held_by_orphan(const LOCKTAG *tag)
{
	bool is_worker;

	return find_holder(tag, &is_worker) == 0 || is_worker;
}

/* The end of a transaction releases what the session holds only if it fails. */
static void
release_at_exit(int code, Datum unused)
{
	LockReleaseAll(DEFAULT_LOCKMETHOD, true);
}

static void
hold_until_exit(void)
{
	static bool registered = false;

	if (!registered)
		on_shmem_exit(release_at_exit, 0);
	registered = true;
}

/*
 * The deployer holds a lock that workers do not mind, and a worker one that
 * keeps deployers out but not the one that it works for, who has it already.
 */
void
dbm_transaction_hold_deployment(void)
{
	TimestampTz began = GetCurrentTimestamp();
	LOCKTAG tag;

	hold_until_exit();
	set_deployment_tag(&tag);
	while (LockAcquire(&tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
	{
		if (!is_held_by_orphan(&tag) ||
			TimestampDifferenceExceeds(began, GetCurrentTimestamp(), ORPHAN_WAIT_MS))
			refuse_second_deployer(&tag);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	(void) LockAcquire(&tag, ShareUpdateExclusiveLock, true, true);
	LockRelease(&tag, ExclusiveLock, true);
}

void
dbm_transaction_release_deployment(void)
{
	LOCKTAG tag;

	set_deployment_tag(&tag);
	LockRelease(&tag, ShareUpdateExclusiveLock, true);
}

bool
dbm_transaction_join_deployment(void)
{
	LOCKTAG tag;

	hold_until_exit();
	set_deployment_tag(&tag);
	return LockAcquire(&tag, RowExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
dbm_transaction_require_commits(FunctionCallInfo fcinfo, const char *act)
{
	CallContext *call = (CallContext *) fcinfo->context;

	if (call && IsA(call, CallContext) && !call->atomic && !IsSubTransaction() &&
		(MyXactFlags & XACT_FLAGS_PIPELINING) == 0)
		return;
	ereport(ERROR, (errcode(ERRCODE_DBM_TRANSACTION_STATE),
					errmsg("%s cannot run inside a transaction block", act),
					errdetail("It commits after each step."),
					errhint("Run CALL %s(...) by itself, outside of BEGIN and COMMIT.", act)));
}
