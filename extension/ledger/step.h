/*
 * ledger/step.h: rows of table run_step
 */
#ifndef DBM_LEDGER_STEP_H
#define DBM_LEDGER_STEP_H

#include "core/table.h"
#include "script/steps.h"

/*
 * Rows of what is done about a part that was left half done stand so far behind
 * it, or a multiple of that, each in its turn: further than a table can have
 * partitions.
 */
#define DBM_STEP_REPAIR 1000000

/* Reads one row; false if there is none.  Values are palloc'd. */
extern bool dbm_step_find(int64 run, int ordinal, int part, DbmRow *row, ItemPointer tid);

/* Is the row in this state? */
extern bool dbm_step_is(const DbmRow *row, const char *state);

/* A row of this step of the script, planned. */
extern DbmRow *dbm_step_row(int64 run, const DbmStep *step, int part, const DbmScript *script);

/* Inserts the row, or replaces the one that has its key. */
extern void dbm_step_write(const DbmRow *row);

/* Writes the steps that a run is going to take; reads them, as a List of DbmStep *. */
extern void dbm_step_write_plan(int64 run, List *steps, const DbmScript *script);
extern List *dbm_step_read_plan(int64 run);

/* Writes what is known of a step of one run for another one, whose script this is, too. */
extern void dbm_step_copy(int64 from, const DbmStep *step, int64 to, const DbmScript *script);

/* Is the step done, all parts of it; is this part? */
extern bool dbm_step_is_done(int64 run, const DbmStep *step);
extern bool dbm_step_part_is_done(int64 run, const DbmStep *step, int part);

/* Sets what the row says of its failure. */
extern void dbm_step_set_error(DbmRow *row, const struct ErrorData *edata);

/* The one statement that this text is. */
extern RawStmt *dbm_step_parse(const char *text);

/* How many rows of the run, repairs apart, are in this state? */
extern int	dbm_step_count(int64 run, const char *state);

#endif							/* DBM_LEDGER_STEP_H */
