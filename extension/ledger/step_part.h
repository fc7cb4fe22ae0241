/*
 * ledger/step_part.h: one statement on its way through a worker
 */
#ifndef DBM_LEDGER_STEP_PART_H
#define DBM_LEDGER_STEP_PART_H

#include "ledger/step_order.h"
#include "ledger/step_proof.h"
#include "ledger/step_run.h"

typedef enum DbmPartAction
{
	DBM_PART_NOTHING,				/* it is done */
	DBM_PART_RUN,
	DBM_PART_CLEANUP,				/* run what removes the remains, then look again */
	DBM_PART_FINISH				/* run what completes it */
} DbmPartAction;

/* One statement on its way: the step's own, or a part of what it stands for. */
typedef struct DbmPart
{
	int			number;
	bool		last;			/* of the step */
	bool		single;
	bool		expanded;		/* not the statement of the script itself */
	const char *text;
	RawStmt	   *raw;

	/* this attempt */
	DbmPartAction action;
	int			cleanups;		/* that were tried */
	DbmProof	before;
	DbmStepOrder order;			/* what is run now */
	DbmStepAnswer answer;
	DbmProof	after;
	ErrorData  *error;			/* that ends the run; or NULL */
} DbmPart;

/* The statement of the script that the current step is. */
extern const DbmStatement *dbm_part_statement(const DbmStepRun *steps);

/* Gives the session the role and settings of the current step; see dbm_execution_enter. */
extern void dbm_part_begin_execution(DbmStepRun *steps, DbmExecution *execution,
									 DbmExecutionPlace *place);

/* Asks the catalog, as the statement would see it. */
extern void dbm_part_prove(DbmStepRun *steps, DbmPart *part, DbmProof *proof);

/*
 * Of a statement that was under way or refused, whose row this is: does it need
 * or take the word of a person that it was done?
 */
extern bool dbm_part_wants_word(const DbmProof *proof, bool expanded, const DbmRow *row);

/* Its row: read, given its statement, given a permit, given its outcome. */
extern DbmRow *dbm_part_row(const DbmStepRun *steps, int number);
extern void dbm_part_set_statement(DbmRow *row, const char *text);
extern void dbm_part_intend(DbmStepRun *steps, DbmPart *part, int number, const char *kind,
							const char *text);
extern void dbm_part_intend_cleanup(DbmStepRun *steps, DbmPart *part);
extern void dbm_part_conclude_row(DbmStepRun *steps, int number, const char *state,
								  const char *evidence, const struct ErrorData *edata);

/* Has a statement that failed left something that can be taken away? */
extern bool dbm_part_has_remains(const DbmPart *part);

/* The texts of the parts that the current step stands for, as char *, as they are on record. */
extern List *dbm_part_known_texts(const DbmStepRun *steps);

/* All that the statement of the script stands for is done. */
extern void dbm_part_complete_step(DbmStepRun *steps, const DbmPart *part);

/* Before and after a worker, each the work of an attempt; the argument is the part. */
extern void dbm_part_look(DbmStepRun *steps, void *argument);
extern void dbm_part_conclude(DbmStepRun *steps, void *argument);

#endif							/* DBM_LEDGER_STEP_PART_H */
