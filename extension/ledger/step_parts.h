/*
 * ledger/step_parts.h: the statements that one which cannot run in a
 * transaction is made of
 */
#ifndef DBM_LEDGER_STEP_PARTS_H
#define DBM_LEDGER_STEP_PARTS_H

#include "ledger/step_proof.h"

typedef struct DbmStepPart
{
	bool single; /* runs outside a transaction; else in one of its own */
	const char *text;
} DbmStepPart;

/*
 * What runs in place of this statement: a list of DbmStepPart *, in order, or
 * NIL where the statement runs as it is.  To be asked with the run's
 * search_path and role in force.  text is the source of the statement.
 *
 * A name that the server would choose, or look for in the search_path, is
 * written out, so that each part can be proven by its own text: what the name
 * meant at the beginning must not change under a run.  So parts are asked for
 * once and kept.
 *
 * Raises what the server would, where the statement can never run (DROP INDEX
 * CONCURRENTLY of a partitioned index), before anything has begun.
 */
extern List *dbm_step_parts(const RawStmt *statement, const char *text);

/*
 * What is left to do of a statement that was many parts (CREATE INDEX
 * CONCURRENTLY on a partitioned table), because partitions have come and gone
 * since: the first part and whatever the partitions lack.  kept are the texts
 * (char *) of the parts asked for before, which tell the name of the index.
 */
extern List *dbm_step_parts_left(const RawStmt *statement, const char *text, const List *kept);

/*
 * Proves such a statement as a whole: is the index of the partitioned table
 * valid?  When all parts are done and it is not, there are more of them.
 */
extern void dbm_step_prove_whole(const RawStmt *statement, const char *text, const List *kept,
								 DbmProof *proof);

#endif /* DBM_LEDGER_STEP_PARTS_H */
