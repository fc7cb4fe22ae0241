/*
 * ledger/lock_retry.h: trying again what could not get a lock
 */
#ifndef DBM_LEDGER_LOCK_RETRY_H
#define DBM_LEDGER_LOCK_RETRY_H

#include "datatype/timestamp.h"

/* Is the failure one that goes away when others give back their locks? */
extern bool dbm_lock_retry_helps(const ErrorData *failure);

/*
 * After the attempt of that number (from 1) has failed: waits before the next
 * one and returns true, or returns false where no next one is due, by the
 * settings lock_retries, lock_retry_delay and lock_retry_deadline.  began is
 * when the first attempt did.  Tells the client with a notice what it waits
 * for.  The caller holds nothing: no snapshot, no transaction id, no lock; it
 * may be in a transaction that has done nothing or in none.
 */
extern bool dbm_lock_retry_wait(int attempt, TimestampTz began, const ErrorData *failure);

#endif							/* DBM_LEDGER_LOCK_RETRY_H */
