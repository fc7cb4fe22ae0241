/*
 * cli/plan_steps.c: how the server would cut the scripts of a plan
 */
#include "postgres_fe.h"

#include "message.h"
#include "pipeline.h"
#include "plan_steps.h"
#include "queries.h"

static void
run(const StepsSource *source, PipelineSource send, PipelineSink take, void *context)
{
	if (pipeline_ask(source->connection, send, take, context) == PIPELINE_LOST)
		message_die(EXIT_INTERRUPTED, "Run it again.", "the connection to \"%s\" was lost",
					source->connection->environment->name);
}

/* What a lost connection makes of the answers is no word about a script. */
static void
expect_connection(const StepsSource *source, PGresult *answer)
{
	if (!connection_succeeded(answer) && connection_is_lost(source->connection))
		connection_expect(source->connection, answer);
}

/* --- scripts ------------------------------------------------------------------ */

typedef struct Scripts
{
	const StepsSource *source;
	int next;					/* row of the plan */
	int *asked;					/* rows, by the number of the question */
	int count;
	void (*take)(void *context, int row, PGresult *steps);
	void *context;
} Scripts;

/* The change of which something is to run, or NULL. */
static const Change *
find_change(const Plan *plan, int row)
{
	return strcmp(plan_state(plan, row), "applied") == 0 ? NULL : plan_change(plan, row);
}

static bool
send_script(void *context)
{
	Scripts *scripts = context;
	const Plan *plan = scripts->source->plan;

	for (; scripts->next < PQntuples(plan->rows); scripts->next++)
	{
		const Change *change = find_change(plan, scripts->next);
		size_t length;
		char *script;

		if (change == NULL)
			continue;
		script = repository_read(scripts->source->repository, &change->script, &length);
		queries_send_steps(scripts->source->connection, script, length);
		pg_free(script);
		scripts->asked[scripts->count++] = scripts->next++;
		return true;
	}
	return false;
}

static void
take_steps(void *context, int ordinal, PGresult *steps)
{
	Scripts *scripts = context;

	expect_connection(scripts->source, steps);
	scripts->take(scripts->context, scripts->asked[ordinal], steps);
}

void
plan_steps_ask(const StepsSource *source, void (*take)(void *context, int row, PGresult *steps),
			   void *context)
{
	Scripts scripts = {.source = source, .take = take, .context = context};

	scripts.asked = pg_malloc((PQntuples(source->plan->rows) + 1) * sizeof(int));
	run(source, send_script, take_steps, &scripts);
	pg_free(scripts.asked);
}

/* --- parts -------------------------------------------------------------------- */

typedef struct Parts
{
	const StepsSource *source;
	PGresult *const *answers;	/* steps, by row of the plan */
	int row;
	int at;						/* in the steps of that row */
	PGresult **parts;
} Parts;

bool
plan_step_is_single(const PGresult *steps, int at)
{
	return strcmp(PQgetvalue(steps, at, 1), "single") == 0;
}

static bool
send_part(void *context)
{
	Parts *parts = context;

	for (; parts->row < PQntuples(parts->source->plan->rows); parts->row++, parts->at = 0)
	{
		const PGresult *steps = parts->answers[parts->row];

		for (; steps && parts->at < PQntuples(steps); parts->at++)
		{
			if (!plan_step_is_single(steps, parts->at))
				continue;
			queries_send_step_parts(parts->source->connection, PQgetvalue(steps, parts->at++, 5));
			return true;
		}
	}
	return false;
}

static void
take_parts(void *context, int ordinal, PGresult *answer)
{
	Parts *parts = context;

	expect_connection(parts->source, answer);
	parts->parts[ordinal] = answer;
}

static int
count_single(const StepsSource *source, PGresult *const *answers)
{
	int count = 0;

	for (int row = 0; row < PQntuples(source->plan->rows); row++)
	{
		for (int at = 0; answers[row] && at < PQntuples(answers[row]); at++)
			count += plan_step_is_single(answers[row], at);
	}
	return count;
}

PGresult **
plan_steps_ask_parts(const StepsSource *source, PGresult *const *answers)
{
	int count = count_single(source, answers);
	Parts parts = {.source = source, .answers = answers};

	parts.parts = pg_malloc0((count + 1) * sizeof(PGresult *));
	/* the most usual plan has none: then the server is not asked */
	if (count > 0)
		run(source, send_part, take_parts, &parts);
	return parts.parts;
}
