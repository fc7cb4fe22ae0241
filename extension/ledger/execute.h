/*
 * ledger/execute.h: run the statements of a script, one by one
 */
#ifndef DBM_LEDGER_EXECUTE_H
#define DBM_LEDGER_EXECUTE_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "script/script.h"

/* What one statement did. */
typedef struct DbmStatementResult
{
	int			line;
	const char *tag;			/* command tag; constant */
	int64		duration;		/* microseconds */
	int64		rows;			/* -1 where that means nothing */
} DbmStatementResult;

/* A script on its way through the server. */
typedef struct DbmExecution
{
	/* set by the caller */
	const DbmScript *script;
	const char *change;
	int64		run;
	Oid			run_as;			/* InvalidOid: the current user */
	List	   *settings;		/* of const DbmStatement *, run first: what earlier steps have set */
	const DbmScript *settings_script;	/* where they are */
	bool		looks;			/* nothing is run: code that is called meanwhile may leave nothing for later */
	bool		patient;		/* nobody queues behind it: no lock_timeout but the session's own */

	/* filled in as statements run to their end; in the context of the caller */
	DbmStatementResult *results;
	int			ndone;
	List	   *touched;		/* of DbmTouchedAt * */
	TimestampTz started_at;
	int64		duration;		/* microseconds, all statements */
	Oid			ran_as;			/* who it was */
	struct DbmLockWait *wait;	/* for the locks of others, if that is why it failed; or NULL */
} DbmExecution;

typedef struct DbmTouchedAt
{
	int			statement;		/* ordinal */
	const struct DbmTouched *touched;
} DbmTouchedAt;

/*
 * Runs the script inside a subtransaction, as run_as, with the guard's
 * authorisation, settings and role put back afterwards whatever it did.
 * Returns NULL, or the error that stopped it: then the subtransaction has been
 * rolled back, locks and all, and the caller decides what to record before
 * raising it again.
 */
extern ErrorData *dbm_execute(DbmExecution *execution);

/*
 * Gives the session the role and the settings that the statements would run
 * with, and takes them back; an error takes them back too.  For what must look
 * at names as a statement would.
 */
typedef struct DbmExecutionPlace
{
	Oid			user;
	int			security;
	int			nest;
} DbmExecutionPlace;

extern void dbm_execution_enter(DbmExecution *execution, DbmExecutionPlace *place);
extern void dbm_execution_leave(const DbmExecutionPlace *place);

#endif							/* DBM_LEDGER_EXECUTE_H */
