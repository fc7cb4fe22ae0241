/*
 * ledger/blocker_end.h: ending those that keep a lock from a run, where the settings say so
 */
#ifndef DBM_LEDGER_BLOCKER_END_H
#define DBM_LEDGER_BLOCKER_END_H

#include "miscadmin.h"
#include "utils/backend_status.h"

#include "audit/event.h"
#include "ledger/lock_wait.h"

/* A session or a prepared transaction. */
typedef struct DbmSession
{
	int			pid;
	TimestampTz backend_start;
	BackendType type;
	Oid			role;
	Oid			database;
	const char *role_name;
	const char *application;
	TimestampTz transaction_start;	/* 0: in none */
	TimestampTz statement_start;
	BackendState state;
	TimestampTz state_start;
	bool		visible;		/* to the current user, by the rule of pg_stat_activity */
	const char *statement;		/* NULL unless visible */
	const char *prepared;		/* name of a prepared transaction; NULL: a session */
} DbmSession;

/*
 * Ends what a blocker does, if it holds the lock and the settings say so, and
 * returns what was done with it: "cancelled" (an autovacuum worker) or
 * "terminated" (a session); NULL if nothing.  The event is on record before
 * the signal is sent.
 */
extern const char *dbm_blocker_end(const DbmLockWait *wait, const DbmBlocker *blocker,
								   const DbmSession *session, const char *object,
								   const DbmEvent *run);

#endif							/* DBM_LEDGER_BLOCKER_END_H */
