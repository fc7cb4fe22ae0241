/*
 * cli/lock_retry.c: trying a change again that could not get a lock
 *
 * The server does the same for steps outside a transaction (ledger/lock_retry.c).
 */
#include "postgres_fe.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "catalog/pg_type_d.h"
#include "common/pg_prng.h"

#include "lock_retry.h"
#include "message.h"
#include "progress.h"
#include "queries.h"

/* Seconds: a pause is not doubled beyond this, and not for the end of another deployment. */
#define LONGEST_PAUSE 30
#define LONGEST_PAUSE_FOR_DEPLOYMENT 5

static char *fewer_retries = NULL;
static bool wait_for_deployment = false;

const Option lock_retry_options[] = {
	{OPTION_TEXT, 0, "lock-retries", &fewer_retries, "NUMBER",
	 "try a change that cannot get a lock again so often at most (what the environment says)"},
	{OPTION_FLAG, 0, "wait", &wait_for_deployment, NULL,
	 "wait for the end of another deployment, as long as the environment lets retries last"},
	{OPTION_END},
};

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

void
lock_retry_begin(LockRetry *retry)
{
	retry->failures = 0;
	retry->waits = 0;
	retry->by_server = false;
	retry->began = now();
}

void
lock_retry_check_options(void)
{
	if (fewer_retries == NULL)
		return;
	if (fewer_retries[0] == '\0' || strlen(fewer_retries) > 9 ||
		fewer_retries[strspn(fewer_retries, "0123456789")])
		message_die(EXIT_USAGE, "Give a number, 0 for none.",
					"invalid value for --lock-retries: \"%s\"", fewer_retries);
}

/* The environment's word; ours may only ask for less. */
static int
choose_retries(int allowed)
{
	return fewer_retries ? Min(atoi(fewer_retries), allowed) : allowed;
}

static bool
ask(LockRetry *retry, Connection *connection)
{
	PGresult *result;

	if (retry->asked)
		return true;
	result = queries_lock_patience(connection);
	retry->asked = connection_succeeded(result);
	if (retry->asked)
	{
		retry->retries = choose_retries(atoi(PQgetvalue(result, 0, 0)));
		retry->delay = atof(PQgetvalue(result, 0, 1));
		retry->deadline = atof(PQgetvalue(result, 0, 2));
		pg_prng_seed(&pg_global_prng_state, (uint64) time(NULL) ^ ((uint64) getpid() << 32));
	}
	PQclear(result);
	return retry->asked;
}

/* Twice as long after each attempt, and a random part of it: who waits for the same comes apart. */
static double
choose_pause(const LockRetry *retry, bool for_deployment)
{
	double longest = for_deployment ? LONGEST_PAUSE_FOR_DEPLOYMENT : LONGEST_PAUSE;
	int attempts = for_deployment ? retry->waits : retry->failures;
	double pause = retry->delay;

	for (int doubled = 1; doubled < attempts && pause < longest; doubled++)
		pause *= 2;
	pause = Min(pause, Max(longest, retry->delay));
	return pause * (0.5 + pg_prng_double(&pg_global_prng_state) / 2);
}

static void
tell_pause(const LockRetry *retry, const char *change, const PGresult *error, double pause,
		   bool for_deployment)
{
	const char *detail = PQresultErrorField(error, PG_DIAG_MESSAGE_DETAIL);

	if (for_deployment)
		message_info("change \"%s\" waits for another deployment, asking again in %.1f s", change,
					 pause);
	else
		message_info(
			"change \"%s\" could not get a lock (attempt %d of %d), trying again in %.1f s", change,
			retry->failures, retry->retries + 1, pause);
	if (detail)
		message_info("%s", detail);
}

/* A signal ends a poll. */
static bool
rest(double seconds)
{
	double end = now() + seconds;
	double left;

	while (!connection_interrupted() && (left = end - now()) > 0)
		(void) poll(NULL, 0, (int) Min(left * 1000 + 1, 100));
	return !connection_interrupted();
}

static bool
is_any_of(const char *sqlstate, const char *first, const char *second)
{
	return strcmp(sqlstate, first) == 0 || strcmp(sqlstate, second) == 0;
}

bool
lock_retry_wait(LockRetry *retry, Connection *connection, const char *change, const PGresult *error)
{
	const char *sqlstate = PQresultErrorField(error, PG_DIAG_SQLSTATE);
	bool for_deployment = sqlstate && wait_for_deployment && exit_code_of(sqlstate) == EXIT_BUSY;
	double pause;

	if (sqlstate == NULL || connection_interrupted() || connection_is_lost(connection))
		return false;
	/* lock_not_available, deadlock_detected */
	if (!for_deployment && (retry->by_server || !is_any_of(sqlstate, "55P03", "40P01")))
		return false;
	if (!ask(retry, connection))
		return false;
	if (for_deployment)
		retry->waits++;
	else
		retry->failures++;
	pause = choose_pause(retry, for_deployment);
	if ((!for_deployment && retry->failures > retry->retries) ||
		(retry->deadline > 0 && now() + pause > retry->began + retry->deadline))
	{
		int attempts = retry->failures + retry->waits;

		if (attempts > 1)
			message_info("giving up after %d attempts in %.0f s", attempts, now() - retry->began);
		return false;
	}
	tell_pause(retry, change, error, pause, for_deployment);
	return rest(pause);
}
