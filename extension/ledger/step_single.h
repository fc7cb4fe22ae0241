/*
 * ledger/step_single.h: between the files that take steps
 */
#ifndef DBM_LEDGER_STEP_SINGLE_H
#define DBM_LEDGER_STEP_SINGLE_H

#include "ledger/step_run.h"

/*
 * Does work inside a subtransaction, with a snapshot; returns the error that
 * stopped it, or NULL.  Then all it did, in *steps too, is undone, but for
 * failed_statement.
 */
typedef void (*DbmStepWork) (DbmStepRun *steps, void *argument);
extern struct ErrorData *dbm_step_attempt(DbmStepRun *steps, DbmStepWork work, void *argument);

/* Did it fail for a lock, and is it to be tried again now?  Commits and waits. */
extern bool dbm_step_try_again(int attempt, TimestampTz began, const struct ErrorData *failure);

/* Commits if the run may go on, and begins the next transaction. */
extern void dbm_step_commit(DbmStepRun *steps);

/* Records that the current step is done, and the run if it was the last one. */
extern void dbm_step_advance(DbmStepRun *steps);

/* Records that the run ends with this error, commits, and raises it. */
extern void dbm_step_fail(DbmStepRun *steps, struct ErrorData *edata);

/* Runs statements of the current step in this transaction; raises what stops them. */
extern void dbm_step_execute(DbmStepRun *steps, DbmExecution *execution);

/* Takes the current step, one statement or the parts it stands for, to its end. */
extern void dbm_step_take_single(DbmStepRun *steps);

#endif							/* DBM_LEDGER_STEP_SINGLE_H */
