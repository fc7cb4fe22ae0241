/*
 * ledger/session.c: advisory locks and channels, before and after a run
 */
#include "postgres.h"

#include "commands/async.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"

#include "core/compat.h"
#include "ledger/session.h"

typedef struct HeldLock
{
	LOCKTAG tag;
	LOCKMASK modes;
} HeldLock;

/*
 * The list of what this process holds is in shared memory: others move relation
 * locks into it.  Whether a lock is the session's or the transaction's it does
 * not tell, nor how often it was taken.
 */
List *
dbm_session_locks(void)
{
	List *held = NIL;

	for (int partition = 0; partition < NUM_LOCK_PARTITIONS; partition++)
	{
		PROCLOCK *lock = NULL;

		LWLockAcquire(LockHashPartitionLockByIndex(partition), LW_SHARED);
		while ((lock = dbm_next_own_lock(partition, lock)) != NULL)
		{
			HeldLock *one;

			if (lock->tag.myLock->tag.locktag_type != LOCKTAG_ADVISORY || lock->holdMask == 0)
				continue;
			one = palloc(sizeof(HeldLock));
			one->tag = lock->tag.myLock->tag;
			one->modes = lock->holdMask;
			held = lappend(held, one);
		}
		LWLockRelease(LockHashPartitionLockByIndex(partition));
	}
	return held;
}

static LOCKMASK
find_modes(List *locks, const LOCKTAG *tag)
{
	ListCell *cell;

	foreach (cell, locks)
	{
		const HeldLock *lock = lfirst(cell);

		if (memcmp(&lock->tag, tag, sizeof(LOCKTAG)) == 0)
			return lock->modes;
	}
	return 0;
}

/* As often as the session took it; the transaction's stay. */
static void
release_modes(const LOCKTAG *tag, LOCKMASK modes)
{
	for (LOCKMODE mode = AccessShareLock; mode <= MaxLockMode; mode++)
	{
		if ((modes & LOCKBIT_ON(mode)) == 0)
			continue;
		while (LockRelease(tag, mode, true))
			;
	}
}

/* The server warns where a lock is not the session's: we can only try. */
static int
begin_quiet(void)
{
	int nest = NewGUCNestLevel();
	static const char *const settings[] = {"client_min_messages", "log_min_messages"};

	for (int at = 0; at < lengthof(settings); at++)
		(void) set_config_option(settings[at], "error", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
	return nest;
}

static void
release_others(List *held, List *now)
{
	int nest = begin_quiet();
	ListCell *cell;

	foreach (cell, now)
	{
		const HeldLock *lock = lfirst(cell);

		release_modes(&lock->tag, lock->modes & ~find_modes(held, &lock->tag));
	}
	AtEOXact_GUC(false, nest);
}

void
dbm_session_keep_locks(List *held)
{
	List *now = dbm_session_locks();

	if (now == NIL)
		return;
	if (held == NIL)
		LockReleaseSession(USER_LOCKMETHOD);
	else
		release_others(held, now);
}

/* pg_listening_channels(), which returns a value per call: what is committed. */
static List *
list_channels(void)
{
	LOCAL_FCINFO(fcinfo, 0);
	FmgrInfo function;
	ReturnSetInfo result = {.type = T_ReturnSetInfo, .allowedModes = SFRM_ValuePerCall};
	List *channels = NIL;

	result.econtext = CreateStandaloneExprContext();
	fmgr_info(F_PG_LISTENING_CHANNELS, &function);
	InitFunctionCallInfoData(*fcinfo, &function, 0, InvalidOid, NULL, (Node *) &result);
	for (;;)
	{
		Datum channel;

		fcinfo->isnull = false;
		result.isDone = ExprSingleResult;
		channel = FunctionCallInvoke(fcinfo);
		if (result.isDone != ExprMultipleResult)
			break;
		channels = lappend(channels, TextDatumGetCString(channel));
	}
	FreeExprContext(result.econtext, true);
	return channels;
}

/* What was asked for in a transaction cannot be looked at, but be overruled. */
void
dbm_session_keep_channels(void)
{
	List *channels = list_channels();
	ListCell *cell;

	/* does nothing in a session that has never listened */
	Async_UnlistenAll();
	foreach (cell, channels)
		Async_Listen(lfirst(cell));
}
