/*
 * guard/decide.h: the one place that says whether a command may run
 *
 * Every door asks here; the first one that is told no refuses, the others are
 * backstops.
 */
#ifndef DBM_GUARD_DECIDE_H
#define DBM_GUARD_DECIDE_H

#include "guard/classify.h"
#include "guard/self_protection.h"

typedef enum DbmReason
{
	DBM_ALLOWED = 0,
	DBM_ALLOWED_RECORDED,		/* may run, and leaves an "observed" event */
	DBM_ALLOWED_IN_COPY,		/* may run in a copy that nobody has attached; the session is told */
	DBM_REFUSED_OUTSIDE_CHANGE, /* a schema change that is not part of a run */
	DBM_REFUSED_NOT_TEMPORARY,	/* began as a command on temporary objects, and is none */
	DBM_REFUSED_HARM,			/* would harm dbmaestro */
	DBM_REFUSED_PROTECTED_SETTING,
	DBM_REFUSED_SESSION_SWITCH, /* inside a run */
	DBM_REFUSED_REUSE			/* inside a run */
} DbmReason;

#define DBM_LAST_ALLOWED DBM_ALLOWED_IN_COPY

typedef struct DbmDecision
{
	DbmReason	reason;
	DbmHarm		harm;			/* of DBM_REFUSED_HARM */
	const char *victim;
} DbmDecision;

/*
 * Has the guard any say here at this moment?  False where dbmaestro is not
 * installed, during pg_upgrade, in an extension script of our own, on a
 * standby and outside transactions.
 */
extern bool dbm_guard_is_awake(void);

/* Is an event to be recorded in this database?  Not while it is being restored. */
extern bool dbm_guard_records(void);

extern DbmDecision dbm_decide(const DbmCommand *command);

#endif							/* DBM_GUARD_DECIDE_H */
