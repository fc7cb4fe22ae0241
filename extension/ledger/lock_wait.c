/*
 * ledger/lock_wait.c: what a run waited for in vain, and who kept it
 *
 * A process that gives up leaves the queue before it raises the error
 * (ProcessInterrupts), and wakes those behind it: asked afterwards, the lock
 * table no longer knows what was waited for, and names as holders those whom
 * we kept waiting.  The server's handler of lock_timeout sends this process a
 * SIGINT (LockTimeoutHandler in utils/init/postinit.c).  While a run is under
 * way, a handler before the server's notes at that moment what is awaited, and
 * who stands behind.  It only reads words of shared memory that stay where
 * they are: the lock cannot go while we are in its queue.
 */
#include "postgres.h"

#include <signal.h>

#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/settings.h"
#include "ledger/lock_wait.h"

/* What the signal handler notes. */
typedef struct Watch
{
	MemoryContextCallback forget;
	LOCKTAG tag;
	LOCKMODE mode;				/* NoLock: nothing yet */
	TimestampTz began;
	TimestampTz ended;
	List *unwaited;				/* oids that the statement locks with NOWAIT, in that mode */
	LOCKMODE unwaited_mode;
	TimestampTz statement_began;
	int nbehind;
	int behind[FLEXIBLE_ARRAY_MEMBER];
} Watch;

static Watch *volatile watch = NULL;
static struct sigaction next_action;

void
dbm_lock_wait_limit(void)
{
	int limit = dbm_setting_milliseconds(DBM_SETTING_LOCK_TIMEOUT);
	char value[12];

	if (limit == 0 || (LockTimeout > 0 && LockTimeout <= limit))
		return;
	snprintf(value, sizeof(value), "%d", limit);
	(void) set_config_option("lock_timeout", value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

/* ---- while we wait ---- */

/* Does this process stand behind us?  One that holds what we may not share is in our way itself. */
static bool
stands_behind(PGPROC *process, const LOCK *lock, LOCKMASK conflicts, TimestampTz began)
{
	TimestampTz start;

	if (process == MyProc || *(LOCK *volatile *) &process->waitLock != lock)
		return false;
	start = (TimestampTz) pg_atomic_read_u64(&process->waitStart);
	return (process->heldLocks & conflicts) == 0 && (start == 0 || start >= began);
}

static void
note(Watch *noted, const LOCK *lock)
{
	LOCKMASK conflicts;

	noted->tag = lock->tag;
	noted->mode = MyProc->waitLockMode;
	noted->ended = GetCurrentTimestamp();
	noted->began = (TimestampTz) pg_atomic_read_u64(&MyProc->waitStart);
	/* the server writes it a moment after it has begun to wait */
	if (noted->began == 0)
		noted->began = noted->ended;
	noted->nbehind = 0;
	conflicts = GetLockTagsMethodTable(&noted->tag)->conflictTab[noted->mode];
	for (uint32 at = 0; at < ProcGlobal->allProcCount; at++)
	{
		PGPROC *process = &ProcGlobal->allProcs[at];

		if (stands_behind(process, lock, conflicts, noted->began))
			noted->behind[noted->nbehind++] = process->pid;
	}
}

/* A signal handler. */
static void
note_wait(int number)
{
	Watch *noted = watch;
	const LOCK *lock = noted && MyProc ? *(LOCK *volatile *) &MyProc->waitLock : NULL;

	if (lock)
		note(noted, lock);
	next_action.sa_handler(number);
}

/* An error that kept end from being called lets go of the memory some day. */
static void
forget(void *argument)
{
	if (watch == argument)
		dbm_lock_wait_end();
}

void
dbm_lock_wait_begin(void)
{
	struct sigaction action;
	Watch *fresh = palloc0(offsetof(Watch, behind) + ProcGlobal->allProcCount * sizeof(int));

	if (watch)
		dbm_lock_wait_end();
	fresh->forget.func = forget;
	fresh->forget.arg = fresh;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &fresh->forget);
	watch = fresh;
	if (sigaction(SIGINT, NULL, &next_action) != 0 || (next_action.sa_flags & SA_SIGINFO) != 0 ||
		next_action.sa_handler == SIG_IGN || next_action.sa_handler == SIG_DFL)
		return;
	action = next_action;
	action.sa_handler = note_wait;
	(void) sigaction(SIGINT, &action, NULL);
}

void
dbm_lock_wait_end(void)
{
	struct sigaction action;

	if (sigaction(SIGINT, NULL, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
		action.sa_handler == note_wait)
		(void) sigaction(SIGINT, &next_action, NULL);
	watch = NULL;
}

/* ---- NOWAIT: the statement names what it does not wait for ---- */

static void
note_unwaited(Watch *noted, const LockStmt *statement)
{
	ListCell *cell;

	foreach (cell, statement->relations)
	{
		RangeVar *name = lfirst_node(RangeVar, cell);
		Oid relation = RangeVarGetRelid(name, NoLock, true);

		if (!OidIsValid(relation))
			continue;
		noted->unwaited = list_concat(noted->unwaited,
									  name->inh ? find_all_inheritors(relation, NoLock, NULL)
												: list_make1_oid(relation));
	}
	noted->unwaited_mode = statement->mode;
}

void
dbm_lock_wait_statement(Node *statement)
{
	Watch *noted = watch;

	if (noted == NULL)
		return;
	noted->mode = NoLock;
	noted->unwaited = NIL;
	noted->statement_began = GetCurrentTimestamp();
	if (statement && IsA(statement, LockStmt) && castNode(LockStmt, statement)->nowait)
		note_unwaited(noted, castNode(LockStmt, statement));
}

/* ---- after it ---- */

static LOCKMODE
strongest_of(LOCKMASK modes)
{
	LOCKMODE strongest = NoLock;

	for (LOCKMODE mode = AccessShareLock; mode <= MaxLockMode; mode++)
	{
		if (modes & LOCKBIT_ON(mode))
			strongest = mode;
	}
	return strongest;
}

static bool
is_among(int pid, const int *pids, int count)
{
	for (int at = 0; at < count; at++)
	{
		if (pids[at] == pid)
			return true;
	}
	return false;
}

/*
 * The number of a prepared transaction, by the lock that it holds on it.  Those
 * of its subtransactions came later.
 */
static TransactionId
find_number(const LockData *locks, const LockInstanceData *of)
{
	TransactionId number = InvalidTransactionId;

	for (int at = 0; at < locks->nelements; at++)
	{
		const LockInstanceData *lock = &locks->locks[at];

		if (lock->pid == 0 && lock->locktag.locktag_type == LOCKTAG_TRANSACTION &&
			lock->holdMask != 0 && dbm_same_holder(lock, of) &&
			(number == InvalidTransactionId ||
			 TransactionIdPrecedes(lock->locktag.locktag_field1, number)))
			number = lock->locktag.locktag_field1;
	}
	return number;
}

/* Workers of a query in parallel hold what they hold for their leader. */
static void
add_blocker(DbmLockWait *wait, const LockData *locks, const LockInstanceData *lock, LOCKMODE wanted,
			LOCKMASK held)
{
	DbmBlocker *blocker;
	ListCell *cell;

	foreach (cell, wait->blockers)
	{
		blocker = lfirst(cell);
		if (lock->pid != 0 && blocker->pid == lock->leaderPid)
			return;
	}
	blocker = palloc0(sizeof(DbmBlocker));
	blocker->pid = lock->pid == 0 ? 0 : lock->leaderPid;
	if (lock->pid == 0)
		blocker->prepared = find_number(locks, lock);
	blocker->tag = lock->locktag;
	blocker->wanted = wanted;
	blocker->held = strongest_of(held);
	blocker->awaited = lock->waitLockMode;
	wait->blockers = lappend(wait->blockers, blocker);
}

/*
 * Adds who keeps this lock from a process: those that hold what it may not
 * share, and those in the queue before it that want such.
 */
static void
add_blockers(DbmLockWait *wait, const LockData *locks, int pid, const LOCKTAG *tag, LOCKMODE mode)
{
	LOCKMASK conflicts = GetLockTagsMethodTable(tag)->conflictTab[mode];

	for (int at = 0; at < locks->nelements; at++)
	{
		const LockInstanceData *lock = &locks->locks[at];
		LOCKMASK held = lock->holdMask & conflicts;
		bool is_before = (conflicts & LOCKBIT_ON(lock->waitLockMode)) != 0 &&
						 lock->waitLockMode != NoLock && lock->waitStart != 0 &&
						 lock->waitStart < wait->began;

		if (memcmp(&lock->locktag, tag, sizeof(LOCKTAG)) != 0 || lock->pid == pid ||
			(lock->pid != 0 && lock->leaderPid == pid))
			continue;
		if (held || is_before)
			add_blocker(wait, locks, lock, mode, held);
	}
}

/* Those that wait for what is held by a process. */
static bool
waits_for(const LockInstanceData *waiting, const LockData *locks, int pid)
{
	LOCKMASK conflicts;

	if (waiting->waitLockMode == NoLock || waiting->pid == pid)
		return false;
	conflicts = GetLockTagsMethodTable(&waiting->locktag)->conflictTab[waiting->waitLockMode];
	for (int at = 0; at < locks->nelements; at++)
	{
		const LockInstanceData *lock = &locks->locks[at];

		if (lock->pid == pid && memcmp(&lock->locktag, &waiting->locktag, sizeof(LOCKTAG)) == 0 &&
			((lock->holdMask & conflicts) ||
			 (lock->waitLockMode != NoLock && lock->waitStart < waiting->waitStart &&
			  (conflicts & LOCKBIT_ON(lock->waitLockMode)))))
			return true;
	}
	return false;
}

static PgBackendStatus *
copy_activity(int pid)
{
	int count = pgstat_fetch_stat_numbackends();

	for (int at = 1; at <= count; at++)
	{
		LocalPgBackendStatus *local = dbm_backend_status(at);
		PgBackendStatus *copy;

		if (local == NULL || local->backendStatus.st_procpid != pid)
			continue;
		copy = palloc(sizeof(PgBackendStatus));
		*copy = local->backendStatus;
		copy->st_appname = pstrdup(copy->st_appname);
		copy->st_activity_raw = pstrdup(copy->st_activity_raw);
		return copy;
	}
	return NULL;
}

/*
 * What they are doing, while they are still held up: as soon as our locks are
 * given back, one that we were in a deadlock with goes on, and may be gone.
 */
static DbmLockWait *
with_activities(DbmLockWait *wait)
{
	ListCell *cell;

	/* what this transaction may have read before is not how things stand */
	pgstat_clear_backend_activity_snapshot();
	foreach (cell, wait->blockers)
	{
		DbmBlocker *blocker = lfirst(cell);

		if (blocker->pid != 0)
			blocker->activity = copy_activity(blocker->pid);
	}
	return wait;
}

static DbmLockWait *
make_wait(TimestampTz began, TimestampTz ended)
{
	DbmLockWait *wait = palloc0(sizeof(DbmLockWait));

	wait->began = began;
	wait->ended = ended;
	return wait;
}

static DbmLockWait *
find_waited_for(const Watch *noted)
{
	DbmLockWait *wait = make_wait(noted->began, noted->ended);
	LockData *locks = GetLockStatusData();
	ListCell *cell;

	add_blockers(wait, locks, MyProcPid, &noted->tag, noted->mode);
	/* whoever was woken when we went stood behind */
	foreach (cell, wait->blockers)
	{
		const DbmBlocker *blocker = lfirst(cell);

		if (is_among(blocker->pid, noted->behind, noted->nbehind))
			wait->blockers = foreach_delete_current(wait->blockers, cell);
	}
	return wait;
}

static DbmLockWait *
find_not_waited_for(const Watch *noted)
{
	DbmLockWait *wait = make_wait(noted->statement_began, GetCurrentTimestamp());
	LockData *locks = GetLockStatusData();
	ListCell *cell;

	foreach (cell, noted->unwaited)
	{
		LOCKTAG tag;

		SET_LOCKTAG_RELATION(tag, MyDatabaseId, lfirst_oid(cell));
		add_blockers(wait, locks, MyProcPid, &tag, noted->unwaited_mode);
	}
	return wait;
}

/* Is the number one of the words of the text? */
static bool
mentions(const char *text, int number)
{
	const char *at = text;

	while (*at)
	{
		char *end;

		if (!isdigit((unsigned char) *at))
			at++;
		else if (strtol(at, &end, 10) == number)
			return true;
		else
			at = end;
	}
	return false;
}

/* Was it raised by this function of the server, and not by a script that takes its code? */
static bool
is_raised_by(const ErrorData *failure, const char *function)
{
	return failure->funcname && strcmp(failure->funcname, function) == 0;
}

/*
 * Who was in the cycle is in the server's words alone.  As long as our locks
 * are not given back, the others still wait, each for the next one.
 */
static DbmLockWait *
find_deadlocked(const ErrorData *failure)
{
	TimestampTz now = GetCurrentTimestamp();
	DbmLockWait *wait = make_wait(0, now);
	LockData *locks = GetLockStatusData();

	for (int at = 0; failure->detail && at < locks->nelements; at++)
	{
		const LockInstanceData *lock = &locks->locks[at];

		if (lock->waitLockMode != NoLock && lock->pid != MyProcPid &&
			mentions(failure->detail, lock->pid))
			add_blocker(wait, locks, lock, NoLock, 0);
	}
	return wait;
}

DbmLockWait *
dbm_lock_wait_failed(const ErrorData *failure)
{
	const Watch *noted = watch;

	if (failure->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED)
		return is_raised_by(failure, "DeadLockReport") ? with_activities(find_deadlocked(failure))
													   : NULL;
	if (noted == NULL || failure->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		return NULL;
	if (noted->mode != NoLock && is_raised_by(failure, "ProcessInterrupts"))
		return with_activities(find_waited_for(noted));
	return noted->unwaited ? with_activities(find_not_waited_for(noted)) : NULL;
}

/* ---- from one process to another ---- */

static void
send_text(StringInfo to, const char *text)
{
	pq_sendint32(to, strlen(text));
	pq_sendbytes(to, text, strlen(text));
}

static char *
receive_text(StringInfo from)
{
	int length = pq_getmsgint(from, 4);

	return pnstrdup(pq_getmsgbytes(from, length), length);
}

void
dbm_lock_wait_serialize(StringInfo to, const DbmLockWait *wait)
{
	ListCell *cell;

	pq_sendint64(to, wait->began);
	pq_sendint64(to, wait->ended);
	pq_sendint32(to, list_length(wait->blockers));
	foreach (cell, wait->blockers)
	{
		const DbmBlocker *blocker = lfirst(cell);

		pq_sendbytes(to, (const char *) blocker, sizeof(DbmBlocker));
		if (blocker->activity == NULL)
			continue;
		pq_sendbytes(to, (const char *) blocker->activity, sizeof(PgBackendStatus));
		send_text(to, blocker->activity->st_appname);
		send_text(to, blocker->activity->st_activity_raw);
	}
}

static PgBackendStatus *
receive_activity(StringInfo from)
{
	PgBackendStatus *activity = palloc(sizeof(PgBackendStatus));

	pq_copymsgbytes(from, (char *) activity, sizeof(PgBackendStatus));
	activity->st_appname = receive_text(from);
	activity->st_activity_raw = receive_text(from);
	/* these lie in the memory of the other process */
	activity->st_clienthostname = NULL;
	activity->st_sslstatus = NULL;
	activity->st_gssstatus = NULL;
	return activity;
}

DbmLockWait *
dbm_lock_wait_deserialize(StringInfo from)
{
	TimestampTz began = pq_getmsgint64(from);
	DbmLockWait *wait = make_wait(began, pq_getmsgint64(from));

	for (int left = pq_getmsgint(from, 4); left > 0; left--)
	{
		DbmBlocker *blocker = palloc(sizeof(DbmBlocker));

		pq_copymsgbytes(from, (char *) blocker, sizeof(DbmBlocker));
		if (blocker->activity)
			blocker->activity = receive_activity(from);
		wait->blockers = lappend(wait->blockers, blocker);
	}
	return wait;
}

DbmLockWait *
dbm_lock_wait_of(int pid)
{
	LockData *locks = GetLockStatusData();

	for (int at = 0; at < locks->nelements; at++)
	{
		const LockInstanceData *lock = &locks->locks[at];
		DbmLockWait *wait;

		if (lock->pid != pid || lock->waitLockMode == NoLock)
			continue;
		wait = make_wait(lock->waitStart, GetCurrentTimestamp());
		add_blockers(wait, locks, pid, &lock->locktag, lock->waitLockMode);
		return with_activities(wait);
	}
	return NULL;
}

int
dbm_lock_wait_behind(int pid)
{
	LockData *locks = GetLockStatusData();
	int *pids = palloc((locks->nelements + 1) * sizeof(int));
	int count = 0;

	for (int at = 0; at < locks->nelements; at++)
	{
		const LockInstanceData *lock = &locks->locks[at];

		if (waits_for(lock, locks, pid) && !is_among(lock->leaderPid, pids, count))
			pids[count++] = lock->leaderPid;
	}
	return count;
}
