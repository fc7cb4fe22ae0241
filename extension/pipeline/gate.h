/*
 * pipeline/gate.h: the conditions that a change must meet in this environment
 */
#ifndef DBM_PIPELINE_GATE_H
#define DBM_PIPELINE_GATE_H

#include "script/script.h"

/* Tells whether a change is applied; the ledger, which is above, provides it. */
typedef bool (*DbmIsApplied) (const char *change);
extern void dbm_gate_set_ledger(DbmIsApplied is_applied);

/* Names in a value of Requires or Conflicts, as a List of char *. */
extern List *dbm_gate_names(const char *value);

/*
 * Asks every gate about the change and raises one error that names all that
 * are not met (ERRCODE_DBM_GATE or, for required and conflicting changes alone,
 * ERRCODE_DBM_REQUIREMENT).
 */
extern void dbm_gate_require_all(const char *change, const DbmScript *script);

/*
 * What makes this an environment where people decide about changes, as a
 * sentence (palloc'd), or NULL if nothing does: somebody who may approve, or
 * override a window.
 */
extern char *dbm_gate_established(void);

#endif							/* DBM_PIPELINE_GATE_H */
