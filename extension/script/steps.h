/*
 * script/steps.h: where a script must be cut because of what cannot run in a
 * transaction
 */
#ifndef DBM_SCRIPT_STEPS_H
#define DBM_SCRIPT_STEPS_H

#include "script/script.h"

typedef struct DbmStep
{
	int ordinal; /* 1-based */
	bool single; /* one statement, outside a transaction; else a group in one */
	int first; /* ordinals of statements, 1-based */
	int last;
	const char *subject; /* single: what it is, as in not_transactional.c; else NULL */
	const char *reason; /* why the script is cut before this step, or NULL */
} DbmStep;

/*
 * Cuts a script into steps: a list of DbmStep *, in order, that holds each
 * statement once.  A list of one that is not single is what most scripts are:
 * one transaction.  A script without statements has no steps.
 *
 * What depends on the catalogs (is the relation partitioned, has the
 * subscription a slot) is looked up now, names being searched for in the
 * search path of scripts and whatever the script sets; so the answer belongs
 * to this moment, and a run keeps it for as long as it lasts.
 */
extern List *dbm_script_steps(const DbmScript *script);

/* Is it more than one transaction? */
extern bool dbm_script_needs_steps(const DbmScript *script);

/*
 * The statements of a script before this one that change settings of the
 * session (SET, RESET and SELECT set_config(..., false), not SET LOCAL): a list
 * of const DbmStatement *, in order.  Each step is to begin with them: psql
 * would run the script in one session.
 */
extern List *dbm_script_settings(const DbmScript *script, int before_statement);

#endif /* DBM_SCRIPT_STEPS_H */
