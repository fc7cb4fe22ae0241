/*
 * core/checks.h: the CHECK constraints of our tables, read once
 */
#ifndef DBM_CORE_CHECKS_H
#define DBM_CORE_CHECKS_H

#include "nodes/execnodes.h"

/*
 * Gives the result relation of a writer its constraints ready to run.  Left to
 * itself, ExecConstraints reads them from their text for every writer, which
 * is more work than writing the row.
 */
extern void dbm_checks_prepare(ResultRelInfo *result, EState *estate);

/* Registers the invalidation callback. */
extern void dbm_checks_init(void);

#endif							/* DBM_CORE_CHECKS_H */
