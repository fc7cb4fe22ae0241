/*
 * ledger/lock_wait.h: what a run waited for in vain, and who kept it
 */
#ifndef DBM_LEDGER_LOCK_WAIT_H
#define DBM_LEDGER_LOCK_WAIT_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "storage/lock.h"
#include "utils/backend_status.h"

/* One that keeps a lock from us, as the lock table has it. */
typedef struct DbmBlocker
{
	int			pid;			/* 0: a prepared transaction */
	TransactionId prepared;		/* its number */
	LOCKTAG		tag;
	LOCKMODE	wanted;			/* by us; NoLock in a deadlock, where it waits for us */
	LOCKMODE	held;			/* NoLock: it has not got it either */
	LOCKMODE	awaited;		/* NoLock: it does not wait for it */
	PgBackendStatus *activity;	/* as it was then; NULL if it had gone, or never had one */
} DbmBlocker;

typedef struct DbmLockWait
{
	TimestampTz began;			/* of NOWAIT: the statement; 0: nobody knows */
	TimestampTz ended;
	List	   *blockers;		/* of DbmBlocker * */
} DbmLockWait;

/*
 * Sets lock_timeout, in the present nest level of settings, to what the
 * environment allows; a shorter one of the session stays.
 */
extern void dbm_lock_wait_limit(void);

/*
 * Between begin and end it is noted what this process waits for when its
 * patience ends.  Not to be nested.
 */
extern void dbm_lock_wait_begin(void);
extern void dbm_lock_wait_end(void);

/*
 * A new statement, or NULL for what follows the last one: what was noted before
 * is no concern of it.  NOWAIT says itself what it wants.
 */
extern void dbm_lock_wait_statement(Node *statement);

/*
 * What the failure owes to the locks of others; NULL if nothing.  To be called
 * in a PG_CATCH, before locks are given back, and before end.  Reads no
 * catalog.
 */
extern DbmLockWait *dbm_lock_wait_failed(const ErrorData *failure);

/* To another process of this server, and from it. */
extern void dbm_lock_wait_serialize(StringInfo to, const DbmLockWait *wait);
extern DbmLockWait *dbm_lock_wait_deserialize(StringInfo from);

/* What a process waits for at this moment; NULL if for no lock. */
extern DbmLockWait *dbm_lock_wait_of(int pid);

/* How many wait at this moment for what this process holds. */
extern int	dbm_lock_wait_behind(int pid);

#endif							/* DBM_LEDGER_LOCK_WAIT_H */
