/*
 * ledger/transaction.h: may a run begin in this transaction, at this moment?
 */
#ifndef DBM_LEDGER_TRANSACTION_H
#define DBM_LEDGER_TRANSACTION_H

#include "fmgr.h"

/* Raises ERRCODE_DBM_NESTED_RUN if a run is under way in this backend. */
extern void dbm_transaction_require_outside_run(const char *act);

/*
 * Raises unless a run may begin: no run under way, not read-only or in
 * recovery, READ COMMITTED, triggers fire, nothing written before by others
 * than us, no open cursor, no prepared statement and no temporary object that
 * a script could reach.  What the caller has queued in deferred triggers, where
 * prior writes are allowed, has been fired.
 */
extern void dbm_transaction_require_fit(const char *act);

/*
 * Drops the cursors and prepared statements that a run leaves in the session:
 * they would be run later, as another role.  At the end of a run.
 */
extern void dbm_transaction_drop_leftovers(void);

/*
 * Takes the deployment lock of this database until the end of the transaction,
 * or raises ERRCODE_DBM_DEPLOYMENT_IN_PROGRESS with who holds it.
 */
extern void dbm_transaction_lock_deployment(void);

/*
 * A run in several transactions holds it in the session meanwhile: until it is
 * released, the transaction fails, or the process ends in whatever way.  The
 * worker that runs one of its statements joins it, and outlives it if need be;
 * false: another deployment has begun.
 */
extern void dbm_transaction_hold_deployment(void);
extern void dbm_transaction_release_deployment(void);
extern bool dbm_transaction_join_deployment(void);

/*
 * Raises unless this is a CALL that may commit: alone, outside of a transaction
 * block and of a pipeline.
 */
extern void dbm_transaction_require_commits(FunctionCallInfo fcinfo, const char *act);

/* Process that holds that lock at this moment, 0 for none. */
extern int	dbm_transaction_deployer(void);

/* The worker that runs a step for that process, or for one that is gone; 0 for none. */
extern int	dbm_transaction_worker(void);

/*
 * To be called around our own writes in a transaction that may go on to a run.
 * begin tells whether everything written up to now is ours, and what was not
 * stays known until the end of the transaction.
 */
extern bool dbm_transaction_begin_own_writes(void);
extern void dbm_transaction_end_own_writes(void);

/* Makes the commit wait for its own WAL at least, whatever the session chose. */
extern void dbm_transaction_force_synchronous(void);

extern void dbm_transaction_init(void);

#endif							/* DBM_LEDGER_TRANSACTION_H */
