/*
 * ledger/step_parts.h: the statements that one which cannot run in a
 * transaction is made of
 */
#ifndef DBM_LEDGER_STEP_PARTS_H
#define DBM_LEDGER_STEP_PARTS_H

#include "nodes/parsenodes.h"

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
 * once and kept.  Only where there is more than one (CREATE INDEX CONCURRENTLY
 * on a partitioned table) a resume asks again, because partitions come and go:
 * what it gets is what is left to do, without the partitions that have their
 * index.  The whole is done when dbm_step_prove of the statement says so: the
 * index of the partitioned table is valid.
 *
 * Raises what the server would, where the statement can never run (DROP INDEX
 * CONCURRENTLY of a partitioned index), before anything has begun.
 */
extern List *dbm_step_parts(const RawStmt *statement, const char *text);

#endif /* DBM_LEDGER_STEP_PARTS_H */
