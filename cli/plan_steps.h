/*
 * cli/plan_steps.h: how the server would cut the scripts of a plan
 *
 * All of them are asked about at once: a plan of many changes waits for the
 * server as often as one of few.
 */
#ifndef DBM_CLI_PLAN_STEPS_H
#define DBM_CLI_PLAN_STEPS_H

#include "plan.h"

/* A plan and where its scripts come from. */
typedef struct StepsSource
{
	const Plan *plan;
	Connection *connection;
	Repository *repository;
} StepsSource;

/*
 * Calls the function with the steps of each row of the plan of which something
 * is to run: step, kind, line, subject, reason, statements; or with an error.
 * It keeps or clears them.
 */
extern void plan_steps_ask(const StepsSource *source,
						   void (*take)(void *context, int row, PGresult *steps), void *context);

/* Is it a statement outside of a transaction? */
extern bool plan_step_is_single(const PGresult *steps, int at);

/*
 * What such statements would be run as: for each of them, in order, its parts
 * (kind, statement), or an error.  Answers are the steps, by rows of the plan.
 */
extern PGresult **plan_steps_ask_parts(const StepsSource *source, PGresult *const *answers);

#endif							/* DBM_CLI_PLAN_STEPS_H */
