/*
 * ledger/transaction.h: may a run begin in this transaction, at this moment?
 */
#ifndef DBM_LEDGER_TRANSACTION_H
#define DBM_LEDGER_TRANSACTION_H

/* Raises ERRCODE_DBM_NESTED_RUN if a run is under way in this backend. */
extern void dbm_transaction_require_outside_run(const char *act);

/*
 * Raises unless a run may begin: no run under way, not read-only or in
 * recovery, READ COMMITTED, nothing written before by others than us, no open
 * cursor, no prepared statement that a script could reach.
 */
extern void dbm_transaction_require_fit(const char *act);

/*
 * Takes the deployment lock of this database until the end of the transaction,
 * or raises ERRCODE_DBM_DEPLOYMENT_IN_PROGRESS with who holds it.
 */
extern void dbm_transaction_lock_deployment(void);

/* Note that all writes of this transaction up to now are ours. */
extern void dbm_transaction_note_own_writes(void);

/* Makes the commit wait for its own WAL at least, whatever the session chose. */
extern void dbm_transaction_force_synchronous(void);

extern void dbm_transaction_init(void);

#endif							/* DBM_LEDGER_TRANSACTION_H */
