/*
 * cli/deployment.h: one run of changes into one environment
 */
#ifndef DBM_CLI_DEPLOYMENT_H
#define DBM_CLI_DEPLOYMENT_H

#include "changes.h"
#include "connection.h"
#include "lock_retry.h"
#include "pipeline.h"

/* A change on its way; what the server said of it is NULL until it has. */
typedef struct Step
{
	const Change *change;
	const char *outcome;		/* applied, already applied, failed, not reached; rolled back with
								 * the others of a single transaction */
	char *run;
	char *statements;
	char *duration;
} Step;

typedef struct Deployment
{
	Connection *connection;
	Repository *repository;
	char *number;				/* as the server gave it */
	Step *steps;
	int count;
	int first;					/* step with which the present attempt began */
	int sent;					/* steps on their way */
	int committed;				/* steps that stand */
	bool single_transaction;
	bool finished;				/* dbm_deployment_finish was answered */
	LockRetry retry;
	PGresult *error;			/* the first error of the last attempt, or NULL */
	PipelineOutcome outcome;
} Deployment;

/*
 * Sends all steps and waits for their end.  What cannot get a lock is sent
 * again, with all behind it, as long as the environment lets it.
 */
extern void deployment_run(Deployment *deployment);

/* succeeded, failed or cancelled, in the words of dbm_deployment_finish. */
extern const char *deployment_outcome(const Deployment *deployment);

#endif							/* DBM_CLI_DEPLOYMENT_H */
