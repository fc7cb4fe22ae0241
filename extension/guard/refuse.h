/*
 * guard/refuse.h: the one place that refuses, and the one that remembers
 */
#ifndef DBM_GUARD_REFUSE_H
#define DBM_GUARD_REFUSE_H

#include "core/compat.h"
#include "guard/decide.h"

/* Puts the refusal on record, durably, and raises it.  Does not return. */
DBM_NORETURN extern void dbm_refuse(const DbmCommand *command, const DbmDecision *decision);

/*
 * Records that the command was run outside a change.  object NULL: what the
 * parse tree names.
 */
extern void dbm_observe(const DbmCommand *command, const char *object_kind, const char *object);

/* Records that one of the guard's doors did not see a command that another one saw. */
extern void dbm_report_bypass(const DbmCommand *command, const char *silent_door);

/* Says once per session that this database is a copy, if it is one. */
extern void dbm_warn_of_copy(void);

#endif							/* DBM_GUARD_REFUSE_H */
