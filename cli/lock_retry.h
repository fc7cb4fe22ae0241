/*
 * cli/lock_retry.h: trying a change again that could not get a lock
 *
 * How often and how long, the environment says; between two attempts this
 * session holds nothing.
 */
#ifndef DBM_CLI_LOCK_RETRY_H
#define DBM_CLI_LOCK_RETRY_H

#include "connection.h"
#include "options.h"

typedef struct LockRetry
{
	int			failures;		/* of the change that is on its way, for want of a lock */
	int			waits;			/* and for the end of another deployment */
	double		began;			/* its first attempt, in seconds of the clock */
	bool		by_server;		/* which has tried again itself: no lock is worth another attempt */

	/* what the environment allows, once it was asked */
	bool		asked;
	int			retries;
	double		delay;			/* seconds, as deadline */
	double		deadline;		/* 0: none */
} LockRetry;

/* The options --lock-retries and --wait, for the tables of commands. */
extern const Option lock_retry_options[];

/* Ends the program if an option is not understood. */
extern void lock_retry_check_options(void);

/* Another change is on its way from here on. */
extern void lock_retry_begin(LockRetry *retry);

/*
 * After a change has failed: waits until it is due again and returns true; or
 * false, where that would not help, it was tried often or long enough, or an
 * interrupt came.  The connection is in no transaction.
 */
extern bool lock_retry_wait(LockRetry *retry, Connection *connection, const char *change,
							const PGresult *error);

#endif							/* DBM_CLI_LOCK_RETRY_H */
