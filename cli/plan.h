/*
 * cli/plan.h: what a commit would bring to an environment, as the server says
 */
#ifndef DBM_CLI_PLAN_H
#define DBM_CLI_PLAN_H

#include "changes.h"
#include "connection.h"

typedef struct Plan
{
	PGresult *rows;				/* ordinal, change, state, detail of all that is not applied as it
								 * is, "applied" where only white space or comments differ; or
								 * the server's error */
	char *last_run;				/* the newest run that the plan has seen, or NULL */
	Changes *changes;			/* NULL when nothing had to be read */
	json_t *manifest;			/* the same as JSON, or NULL */
	char *fingerprint;			/* or NULL */
} Plan;

/*
 * Asks; rows holds the server's error if it refuses.  followed is the
 * dbm_manifest of the environment that this one follows, or NULL.
 */
extern Plan *plan_fetch(Connection *connection, const Config *config, Repository *repository,
						const char *followed);

extern const char *plan_state(const Plan *plan, int row);

/* The change of a row, or NULL if the repository does not hold it. */
extern const Change *plan_change(const Plan *plan, int row);

/* How many rows are in that state. */
extern int plan_count(const Plan *plan, const char *state);

/* Frees what a deployment does not need any more once it has begun: all but the changes. */
extern void plan_release(Plan *plan);

#endif							/* DBM_CLI_PLAN_H */
