/*
 * ledger/unfinished.h: what is known of a run that did not come to its end
 */
#ifndef DBM_LEDGER_UNFINISHED_H
#define DBM_LEDGER_UNFINISHED_H

#include "core/table.h"
#include "ledger/change.h"

typedef struct DbmUnfinished
{
	const char *change;
	int64		run;
	const char *state;			/* running, interrupted, partial or failed */
	bool		rollback;
	int			step;			/* the first one that is not done; 0: all are */
	int			steps;
	int			statement;		/* of the script, 0 with step */
	int			line;
	const char *step_state;		/* as in run_step */
	const char *where;			/* all that in words */
	const char *evidence;		/* what was recorded of that step, or NULL */
	bool		wants_word;		/* of a person, about that step; after dbm_unfinished_prove */
} DbmUnfinished;

/* Reads what is on record about the run that a partial change stands by; false if there is none. */
extern bool dbm_unfinished_read(const char *change, DbmUnfinished *unfinished);

/* Is something of this run there, or may be, as far as our records tell? */
extern bool dbm_unfinished_left_anything(const DbmRow *run);

/*
 * What our records prove about the step that was interrupted, or else what the
 * catalog says now: a sentence, or NULL while it is running.
 */
extern char *dbm_unfinished_prove(DbmUnfinished *unfinished);

/*
 * Reads the run of a change that is partial into run.  Raises if it is on its
 * way back, or if what is done of it is done by another script than this one;
 * false: it is another one, but nothing is done.
 */
extern bool dbm_unfinished_require_same(const DbmChange *change, const DbmRow *row, DbmRow *run);

/* Reports them to dbm_doctor. */
extern void dbm_unfinished_init(void);

#endif							/* DBM_LEDGER_UNFINISHED_H */
