/*
 * ledger/blocker.h: who they are that keep a lock from a run
 */
#ifndef DBM_LEDGER_BLOCKER_H
#define DBM_LEDGER_BLOCKER_H

#include "utils/jsonb.h"

#include "audit/event.h"
#include "ledger/lock_wait.h"

/*
 * Finds out who the blockers of a wait are, and leaves out those that came
 * after it.  What is told of their statements is what the current user may
 * see in pg_stat_activity.  Ends those that the settings cancel_autovacuum and
 * cancel_idle_in_transaction let it end, each with an event on record before;
 * run says what is to be in those events.  NULL if nobody is in the way.
 */
extern Jsonb *dbm_blockers_examine(const DbmLockWait *wait, const DbmEvent *run,
								   char **description);

/* The same without an act, for those who look. */
extern Jsonb *dbm_blockers_look_at(const DbmLockWait *wait);

#endif							/* DBM_LEDGER_BLOCKER_H */
