/*
 * ledger/run.h: one execution of one change in one direction, and its record
 */
#ifndef DBM_LEDGER_RUN_H
#define DBM_LEDGER_RUN_H

#include "fmgr.h"
#include "utils/jsonb.h"

#include "core/table.h"
#include "ledger/execute.h"

typedef struct DbmRun
{
	/* set by the caller */
	const char *change;
	bool		rollback;		/* direction */
	bool		reset;			/* neither: dbm_reset undoes it */
	bool		adopted;		/* deploy, but nothing ran: dbm_baseline found it there */
	bool		prove;			/* needs the snapshots, whatever the setting says */
	const DbmScript *script;
	int64		deployment;		/* 0: make one for this change alone */
	const char *provenance;		/* of its content; NULL: nobody asked */
	const char *reason;
	const char *act;			/* NULL: dbm_apply or dbm_rollback */

	/* filled in */
	int64		id;
	DbmRow	   *single_deployment;	/* made here, or NULL */
	int64		snapshot_before;	/* 0: not taken */
	int64		snapshot_after;
	Jsonb	   *blockers;		/* who kept a lock from it, or NULL */
	uint8		root_before[DBM_DIGEST_LENGTH];
	uint8		root_after[DBM_DIGEST_LENGTH];
	DbmExecution execution;
} DbmRun;

/*
 * Takes the snapshot before, runs the script and takes the snapshot after.  If
 * the script fails, the failed run is recorded durably and its error raised.
 */
extern void dbm_run_perform(DbmRun *run);

/* Records the run that succeeded, in this transaction: run, statements, objects, deployment, event. */
extern void dbm_run_record(DbmRun *run);

/*
 * Records that what the run led to was refused after its script had ended (a
 * rollback that proves nothing); edata is the error about to be raised.
 */
extern void dbm_run_record_failure(DbmRun *run, const ErrorData *edata);

/*
 * A run in steps has its row from the start.  open takes the snapshot before
 * and inserts the row, running; reopen takes up the one with run->id again, and
 * what its row says; progress updates it; close gives it its outcome, with the
 * error that stopped it or NULL, and closes a deployment of its own.
 */
extern void dbm_run_open(DbmRun *run);
extern void dbm_run_reopen(DbmRun *run);
extern void dbm_run_progress(const DbmRun *run);
extern void dbm_run_close(DbmRun *run, const char *outcome, const ErrorData *edata,
						  int failed_statement, int failed_line);

/* Counts again what is on record, where what was counted was not committed. */
extern void dbm_run_recount(DbmRun *run);

/* Keeps who kept a lock from the run, or (NULL) that nobody did, and adds it to the failure. */
extern void dbm_run_name_blockers(DbmRun *run, const struct DbmLockWait *wait,
								  struct ErrorData *failure);

/* Takes the snapshot after, if one is to be taken. */
extern void dbm_run_take_snapshot(DbmRun *run);

/* Which role runs scripts here; raises if the one that was configured is gone. */
extern Oid	dbm_run_role(const char *change);

/* A row of run_object about this, without run, ordinal and statement. */
extern DbmRow *dbm_run_object_row(const struct DbmTouched *touched);

/* Records statements and objects of one step; *objects is the last ordinal given out. */
extern void dbm_run_write_execution(int64 run, const DbmExecution *execution, int *objects);

/* The newest run of the change up to a number, in a direction; false if none. */
extern bool dbm_run_find(const char *change, const char *direction, int64 up_to, DbmRow *row);

/* The run that a change in this row stands by: that applied it, or that some of it is done in. */
extern bool dbm_run_of_change(const DbmRow *change, DbmRow *row);

/* Is the backend that runs it, as its row says, still deploying? */
extern bool dbm_run_is_alive(int pid, TimestampTz start);

/* Hides the client's statement, which holds the script, from the server log. */
extern void dbm_run_hide_statement(ErrorContextCallback *hidden);

/* Records that a change was undone by dbm_reset: the run alone, whose id it takes. */
extern void dbm_run_record_reset(DbmRun *run);

/* Microseconds as an interval. */
extern Datum dbm_run_duration(int64 microseconds);

/* The row that dbm_apply and dbm_rollback return. */
extern Datum dbm_run_result(FunctionCallInfo fcinfo, const DbmRun *run, const char *outcome);

/* The same for a change that is applied already; run is the run that did it. */
extern Datum dbm_run_nothing(FunctionCallInfo fcinfo, const char *change, int64 run);

extern void dbm_run_init(void);

#endif							/* DBM_LEDGER_RUN_H */
