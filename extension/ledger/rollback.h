/*
 * ledger/rollback.h: what a rollback must find, and what it must restore
 */
#ifndef DBM_LEDGER_ROLLBACK_H
#define DBM_LEDGER_ROLLBACK_H

#include "ledger/run.h"

/* What the ledger knows of a change that is to be rolled back. */
typedef struct DbmAppliedChange
{
	const char *name;
	int64		run;			/* that applied it, or some of it */
	bool		partial;		/* some steps of it are done */
	int64		snapshot_before;	/* 0 if not taken */
	int64		snapshot_after;
	DbmScript  *rollback;
} DbmAppliedChange;

/*
 * Finds the change and reads its rollback script; raises unless it can be
 * rolled back now.  in_steps: also if it is partly applied, and with statements
 * that cannot run in a transaction.
 */
extern void dbm_rollback_find(const char *name, bool in_steps, DbmAppliedChange *applied);

/* Raises unless a rollback could be proven, and unless what the change made is as it made it. */
extern void dbm_rollback_require_provable(const DbmAppliedChange *applied);
extern void dbm_rollback_require_untouched(const DbmAppliedChange *applied, int64 snapshot_now);

/* Raises unless the schema is as before the change. */
extern void dbm_rollback_require_proven(const DbmAppliedChange *applied, const DbmRun *run);

#endif							/* DBM_LEDGER_ROLLBACK_H */
