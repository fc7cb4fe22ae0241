/*
 * ledger/step_run.h: a run that is more than one transaction
 */
#ifndef DBM_LEDGER_STEP_RUN_H
#define DBM_LEDGER_STEP_RUN_H

#include "ledger/rollback.h"
#include "ledger/run.h"
#include "pipeline/capability.h"
#include "script/steps.h"

typedef struct DbmStepRun
{
	/* set by the caller */
	DbmRun		run;			/* its execution sums up what the steps do */
	DbmCapability capability;
	const DbmAppliedChange *applied;	/* rollback: what is undone; else NULL */
	List	   *steps;			/* of DbmStep * */
	const DbmRow *change_before;	/* the change's row, if nothing is left in the end; or NULL */
	bool		no_change_before;	/* it had none */
	const char *interrupted;	/* word of a person about what cannot be proven, or NULL */

	/* filled in */
	const DbmStep *current;
	TimestampTz began;			/* the last attempt at the current group */
	int			failed_statement;	/* 0: none in particular */
	int			objects;		/* last ordinal in run_object */
	bool		left_behind;	/* a step failed, and something of it is there */
	bool		unknown;		/* nobody knows what became of a step */
	bool		ending;			/* what failed was not the step but the end of the run */
	bool		open_end;		/* the last step is recorded without it */
	bool		recorded;		/* the error on its way up is on record */
} DbmStepRun;

/*
 * Commits what the caller has written, the run and its plan, takes the steps
 * that are not done yet, and returns in a transaction of its own when all are
 * done and recorded.  An error is raised when it is recorded and committed what
 * was done.  The caller holds the deployment, and has called SPI_connect_ext.
 */
extern void dbm_step_run_perform(DbmStepRun *steps);

/* What the run is to be called when it is done. */
extern const char *dbm_step_run_outcome(const DbmStepRun *steps);

#endif							/* DBM_LEDGER_STEP_RUN_H */
