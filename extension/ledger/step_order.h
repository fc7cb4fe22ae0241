/*
 * ledger/step_order.h: one statement for a worker to run, and its answer
 *
 * A statement that cannot run in a transaction is run by a background worker,
 * at top level, as the role and with the settings of the run.  The order lies
 * in a segment of shared memory, behind it the queue for the answer.  It is no
 * permission: that is the permit, which the worker takes from table run_step
 * and which only the backend that asks can have given itself.
 */
#ifndef DBM_LEDGER_STEP_ORDER_H
#define DBM_LEDGER_STEP_ORDER_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/uuid.h"

#define DBM_STEP_MAGIC UINT64CONST(0x44424d5354455031)
#define DBM_STEP_QUEUE_SIZE 65536

/* What is where in the segment. */
typedef enum DbmStepKey
{
	DBM_STEP_KEY_HEAD,
	DBM_STEP_KEY_CHANGE,
	DBM_STEP_KEY_STATEMENT,
	DBM_STEP_KEY_SETTINGS,
	DBM_STEP_KEY_QUEUE,
	DBM_STEP_KEYS
} DbmStepKey;

typedef struct DbmStepHead
{
	Oid			database;
	Oid			run_as;
	Oid			asking;			/* authenticated role of the backend that asks */
	int64		run;
	int32		ordinal;
	int32		part;
	bool		cleanup;		/* it takes away what is left of another statement */
	pg_uuid_t	permit;
	TimestampTz	asking_start;	/* of the backend that asks */
} DbmStepHead;

typedef struct DbmStepOrder
{
	DbmStepHead head;
	const char *change;
	const char *statement;
	bool		exact;			/* it is the text of the script */
	Size		settings_size;
	char	   *settings;		/* as SerializeGUCState made them */
} DbmStepOrder;

/* Messages of the worker beside those of the server. */
#define DBM_STEP_OBJECTS 'o'	/* rows of run_object */
#define DBM_STEP_COMPLETE 'C'	/* rows processed */
#define DBM_STEP_WAIT 'w'		/* DbmLockWait: what it waited for in vain */

typedef struct DbmStepAnswer
{
	bool		complete;		/* it said that the statement has run to its end */
	bool		cancelled;		/* we were, and so was it */
	struct ErrorData *error;	/* as it came, with the place in the script; or NULL */
	struct DbmLockWait *wait;	/* for the locks of others, if that is why it failed; or NULL */
	List	   *objects;		/* of DbmRow *, without run and ordinals */
	int64		rows;
	int64		duration;		/* microseconds */
	int			pid;
} DbmStepAnswer;

/*
 * Has a worker run the statement, and waits for its end, holding no snapshot,
 * no transaction id and no lock but that on the deployment.  To be called right
 * after a commit.  Messages below errors are passed on; an error is returned,
 * and so is a cancel, which ends the worker and stays pending.
 */
extern void dbm_step_launch(const DbmStepOrder *order, DbmStepAnswer *answer);

/* An error as it would be raised here, context and all, but not raised. */
extern struct ErrorData *dbm_step_error(int code, const char *message, const char *detail,
										const char *hint);

#endif							/* DBM_LEDGER_STEP_ORDER_H */
