/*
 * ledger/lock_retry.c: trying again what could not get a lock
 *
 * The command line does the same for changes that run in one transaction:
 * there nobody but the client can be between transactions (cli/lock_retry.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/settings.h"
#include "ledger/client_gone.h"
#include "ledger/lock_retry.h"

PG_FUNCTION_INFO_V1(dbm_lock_retry);

/* The pause is not doubled beyond this. */
#define LONGEST_PAUSE_MS 30000

/* So often we look whether the client is still there. */
#define LOOK_AGAIN_MS 1000

typedef struct Patience
{
	int retries;
	int delay;					/* milliseconds, as deadline */
	int deadline;				/* 0: none */
} Patience;

/* Settings are rows, and those are read in a transaction. */
static Patience
read_patience(void)
{
	bool begins = !IsTransactionState();
	Patience patience;

	if (begins)
		StartTransactionCommand();
	patience.retries = dbm_setting_count(DBM_SETTING_LOCK_RETRIES);
	patience.delay = dbm_setting_milliseconds(DBM_SETTING_LOCK_RETRY_DELAY);
	patience.deadline = dbm_setting_milliseconds(DBM_SETTING_LOCK_RETRY_DEADLINE);
	if (begins)
		CommitTransactionCommand();
	return patience;
}

/*
 * Twice as long after each attempt, and a random part of it: of several who
 * wait for the same, each comes at a time of its own.
 */
static int
choose_pause(const Patience *patience, int attempt)
{
	double pause = patience->delay;

	for (int doubled = 1; doubled < attempt && pause < LONGEST_PAUSE_MS; doubled++)
		pause *= 2;
	pause = Min(pause, Max(LONGEST_PAUSE_MS, patience->delay));
	return (int) (pause * (0.5 + pg_prng_double(&pg_global_prng_state) / 2));
}

static void
sleep_until(TimestampTz end)
{
	for (;;)
	{
		long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);

		CHECK_FOR_INTERRUPTS();
		dbm_client_require();
		if (left <= 0)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(left, LOOK_AGAIN_MS), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

bool
dbm_lock_retry_helps(const ErrorData *failure)
{
	return failure->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		   failure->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED;
}

bool
dbm_lock_retry_wait(int attempt, TimestampTz began, const ErrorData *failure)
{
	Patience patience = read_patience();
	int pause = choose_pause(&patience, attempt);
	TimestampTz next = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pause);

	if (attempt > patience.retries ||
		(patience.deadline > 0 && next > TimestampTzPlusMilliseconds(began, patience.deadline)))
		return false;
	ereport(NOTICE, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("attempt %d of %d could not get a lock, the next one is in %.1f s",
							attempt, patience.retries + 1, pause / 1000.0),
					 failure->detail ? errdetail_internal("%s", failure->detail) : 0));
	sleep_until(next);
	return true;
}

/* _dbm_lock_retry(attempt, began, detail): for tests. */
Datum
dbm_lock_retry(PG_FUNCTION_ARGS)
{
	ErrorData failure = {.sqlerrcode = ERRCODE_LOCK_NOT_AVAILABLE};

	if (!PG_ARGISNULL(2))
		failure.detail = text_to_cstring(PG_GETARG_TEXT_PP(2));
	PG_RETURN_BOOL(dbm_lock_retry_wait(PG_GETARG_INT32(0), PG_GETARG_TIMESTAMPTZ(1), &failure));
}
