/*
 * cli/series.h: the same call for several changes, one after the other
 *
 * Each call is a transaction of its own.  The first failure ends the series,
 * unless a lock was missing and may be had later; what was done before it stands.
 */
#ifndef DBM_CLI_SERIES_H
#define DBM_CLI_SERIES_H

#include "connection.h"
#include "lock_retry.h"

typedef struct Series Series;

struct Series
{
	Connection *connection;
	const char *done_word;		/* what a change is then: submitted, rolled back */
	const char *again;			/* the command that goes on after a failure */
	PGresult *(*call)(Series *series, int at);
	void *context;				/* for the call */
	const char **names;			/* of the changes */
	PGresult **answers;			/* one for each that is done */
	int count;
	int done;
	LockRetry retry;
	PGresult *error;			/* the server's, or NULL */
};

extern void series_run(Series *series);

/* succeeded, failed or cancelled. */
extern const char *series_outcome(const Series *series);

/* What became of one change: the done word, failed, unclear or not reached. */
extern const char *series_step(const Series *series, int at);

/* A value of the answer for one change, or NULL. */
extern const char *series_value(const Series *series, int at, int column);

/* Says what stands if the end was not reached, and returns the exit code. */
extern ExitCode series_end(const Series *series);

#endif							/* DBM_CLI_SERIES_H */
