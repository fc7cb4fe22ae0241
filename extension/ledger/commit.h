/*
 * ledger/commit.h: what let a run in must still hold when it is committed
 */
#ifndef DBM_LEDGER_COMMIT_H
#define DBM_LEDGER_COMMIT_H

#include "pipeline/capability.h"

/*
 * Has the commit of this transaction ask again: does whoever acts here still
 * have the capability, and is the database still attached?  If not, the commit
 * is refused, and that is recorded durably.  A rollback to a savepoint before
 * the run takes the question back.  It also makes the commit wait for its WAL.
 * change is NULL where it is about all of them.
 */
extern void dbm_commit_expect(DbmCapability capability, const char *act, const char *change);

extern void dbm_commit_init(void);

#endif							/* DBM_LEDGER_COMMIT_H */
