/*
 * ledger/blocker_end.c: ending those that keep a lock from a run, where the settings say so
 *
 * Whoever deploys does not choose whom: only what held the lock for which the
 * run has waited in vain, in this database, and never a session of a
 * superuser, as pg_signal_backend has no right to those either.
 */
#include "postgres.h"

#include <signal.h>

#include "pgstat.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/settings.h"
#include "ledger/blocker_end.h"

/*
 * The server's own rule (ProcSleep): a worker that protects from wraparound is
 * left alone.
 */
static bool
is_dispensable_worker(int pid)
{
	PGPROC *process;
	uint8 flags = 0;

	LWLockAcquire(ProcArrayLock, LW_SHARED);
	process = BackendPidGetProcWithLock(pid);
	if (process)
		flags = ProcGlobal->statusFlags[process->pgxactoff];
	LWLockRelease(ProcArrayLock);
	return (flags & PROC_IS_AUTOVACUUM) != 0 && (flags & PROC_VACUUM_FOR_WRAPAROUND) == 0;
}

/* Idle since before the wait began, it held the lock all that time. */
static bool
is_idle_too_long(const DbmLockWait *wait, const DbmSession *session)
{
	int limit = dbm_setting_milliseconds(DBM_SETTING_CANCEL_IDLE_IN_TRANSACTION);

	return limit > 0 && session->type == B_BACKEND &&
		   (session->state == STATE_IDLEINTRANSACTION ||
			session->state == STATE_IDLEINTRANSACTION_ABORTED) &&
		   session->state_start < wait->began &&
		   TimestampDifferenceExceeds(session->state_start, GetCurrentTimestamp(), limit);
}

/* The process as it was looked at: its number may be another's by now. */
static bool
is_still_there(const DbmSession *session)
{
	int count;

	pgstat_clear_backend_activity_snapshot();
	count = pgstat_fetch_stat_numbackends();
	for (int at = 1; at <= count; at++)
	{
		LocalPgBackendStatus *local = dbm_backend_status(at);

		if (local && local->backendStatus.st_procpid == session->pid)
			return local->backendStatus.st_proc_start_timestamp == session->backend_start &&
				   local->backendStatus.st_state == session->state &&
				   local->backendStatus.st_state_start_timestamp == session->state_start;
	}
	return false;
}

static void
record(const DbmSession *session, const DbmBlocker *blocker, const char *object, const char *action,
	   const DbmEvent *run)
{
	DbmEvent event = *run;

	event.kind = "cancel";
	event.action = action;
	event.object_kind = "session";
	event.object = psprintf("process %d", session->pid);
	event.message = psprintf("%s of process %d, which kept a lock from change \"%s\"", action,
							 session->pid, run->change);
	event.detail = psprintf("role %s, application %s, held %s on %s, in transaction since %s, "
							"in this state since %s",
							session->role_name ? session->role_name : "none",
							session->application ? session->application : "none",
							GetLockmodeName(blocker->tag.locktag_lockmethodid, blocker->held),
							object, pstrdup(timestamptz_to_str(session->transaction_start)),
							pstrdup(timestamptz_to_str(session->state_start)));
	dbm_event_record_durably(&event);
}

const char *
dbm_blocker_end(const DbmLockWait *wait, const DbmBlocker *blocker, const DbmSession *session,
				const char *object, const DbmEvent *run)
{
	bool is_worker = session->type == B_AUTOVAC_WORKER &&
					 dbm_setting_bool(DBM_SETTING_CANCEL_AUTOVACUUM) &&
					 is_dispensable_worker(session->pid);

	if (blocker->held == NoLock || blocker->pid == 0 || wait->began == 0 ||
		session->database != MyDatabaseId)
		return NULL;
	if (!is_worker && (superuser_arg(session->role) || !is_idle_too_long(wait, session)))
		return NULL;
	record(session, blocker, object, is_worker ? "cancel autovacuum" : "terminate session", run);
	/* the record has taken its time */
	if (!is_still_there(session))
		return NULL;
	if (is_worker)
		return kill(session->pid, SIGINT) == 0 ? "cancelled" : NULL;
	/* a cancel does not reach a session that waits for its client */
	return kill(session->pid, SIGTERM) == 0 ? "terminated" : NULL;
}
