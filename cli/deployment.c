/*
 * cli/deployment.c: one run of changes into one environment
 *
 * BEGIN, dbm_apply, COMMIT for each change, without a Sync between them: the
 * server goes from one to the next by itself, and after an error it skips the
 * rest.  What was committed before stands.  A change that the server says does
 * not run in one transaction is a call between two such pipelines.
 */
#include "postgres_fe.h"

#include "deployment.h"
#include "progress.h"
#include "queries.h"

/* What a command of the pipeline was, by its number. */
typedef enum CommandKind
{
	COMMAND_BEGIN,
	COMMAND_APPLY,
	COMMAND_COMMIT,
	COMMAND_FINISH,
} CommandKind;

static CommandKind
classify(const Deployment *deployment, int ordinal, int *step)
{
	int count = deployment->count - deployment->first;

	if (deployment->single_transaction)
	{
		*step = Max(0, Min(ordinal - 1, count - 1));
		if (ordinal == 0)
			return COMMAND_BEGIN;
		if (ordinal <= count)
			return COMMAND_APPLY;
		return ordinal == count + 1 ? COMMAND_COMMIT : COMMAND_FINISH;
	}
	*step = deployment->first + Min(ordinal / 3, count - 1);
	return ordinal == 3 * count ? COMMAND_FINISH : (CommandKind) (ordinal % 3);
}

/* The files of a change. */
typedef struct Texts
{
	char *script;
	size_t script_length;
	char *rollback;				/* or NULL */
	size_t rollback_length;
} Texts;

static Texts
read_texts(const Deployment *deployment, const Change *change)
{
	Texts texts = {0};

	texts.script = repository_read(deployment->repository, &change->script, &texts.script_length);
	if (change->rollback.path)
		texts.rollback = repository_read(deployment->repository, &change->rollback,
										 &texts.rollback_length);
	return texts;
}

static void
free_texts(Texts *texts)
{
	pg_free(texts->script);
	pg_free(texts->rollback);
}

static void
send_step(Deployment *deployment, const Change *change)
{
	Texts texts = read_texts(deployment, change);

	queries_send_apply(deployment->connection, change->name, texts.script, texts.script_length,
					   texts.rollback, texts.rollback_length, deployment->number);
	free_texts(&texts);
}

/* The source of the pipeline: one change, and behind the last one the end of the deployment. */
static bool
send_next(void *context)
{
	Deployment *deployment = context;
	Connection *connection = deployment->connection;
	bool first = deployment->sent == deployment->first;
	bool last = deployment->sent == deployment->count - 1;

	if (deployment->sent == deployment->count)
		return false;
	if (first || !deployment->single_transaction)
		queries_send_begin(connection);
	send_step(deployment, deployment->steps[deployment->sent].change);
	if (last || !deployment->single_transaction)
		queries_send_commit(connection);
	if (last)
		queries_send_deployment_finish(connection, deployment->number, "succeeded");
	deployment->sent++;
	return true;
}

static char *
copy_value(const PGresult *result, int column)
{
	return column >= PQnfields(result) || PQgetisnull(result, 0, column)
			   ? NULL
			   : pg_strdup(PQgetvalue(result, 0, column));
}

static void
note_applied(Step *step, const PGresult *result)
{
	step->outcome = copy_value(result, 0);
	step->run = copy_value(result, 1);
	step->statements = copy_value(result, 2);
	step->duration = copy_value(result, 3);
}

static void
note_committed(Deployment *deployment, int step)
{
	deployment->committed = deployment->single_transaction ? deployment->count : step + 1;
	lock_retry_begin(&deployment->retry);
	if (deployment->committed < deployment->count)
		progress_show(deployment->committed, deployment->count,
					  deployment->steps[deployment->committed].change->name);
}

/* Only the first error is the server's; with the connection gone, libpq makes one for each command. */
static void
note_failed(Deployment *deployment, CommandKind kind, int step, PGresult *result)
{
	if (deployment->error)
	{
		PQclear(result);
		return;
	}
	deployment->error = result;
	if (kind != COMMAND_FINISH && PQresultErrorField(result, PG_DIAG_SQLSTATE))
		deployment->steps[step].outcome = "failed";
}

/* The sink of the pipeline. */
static void
take_answer(void *context, int ordinal, PGresult *result)
{
	Deployment *deployment = context;
	int step;
	CommandKind kind = classify(deployment, ordinal, &step);

	if (!connection_succeeded(result))
	{
		note_failed(deployment, kind, step, result);
		return;
	}
	switch (kind)
	{
		case COMMAND_BEGIN:
			break;
		case COMMAND_APPLY:
			note_applied(&deployment->steps[step], result);
			break;
		case COMMAND_COMMIT:
			note_committed(deployment, step);
			break;
		case COMMAND_FINISH:
			deployment->finished = true;
			break;
	}
	PQclear(result);
}

/* What did not stand in the end, whatever was said of it on the way. */
static void
settle_steps(Deployment *deployment)
{
	bool lost = deployment->outcome == PIPELINE_LOST;

	for (int at = deployment->committed; at < deployment->count; at++)
	{
		Step *step = &deployment->steps[at];

		if (step->outcome && strcmp(step->outcome, "failed") == 0)
			continue;
		if (lost && at < deployment->sent)
			step->outcome = "unclear";
		else
			step->outcome = step->outcome ? "rolled back" : "not reached";
	}
}

/* The change that the error is of. */
static const char *
find_failed(const Deployment *deployment)
{
	for (int at = deployment->committed; at < deployment->count; at++)
	{
		const Step *step = &deployment->steps[at];

		if (step->outcome && strcmp(step->outcome, "failed") == 0)
			return step->change->name;
	}
	return NULL;
}

/* Forgets the attempt that failed: the next one begins behind what stands. */
static void
forget_attempt(Deployment *deployment)
{
	PQclear(deployment->error);
	deployment->error = NULL;
	for (int at = deployment->committed; at < deployment->count; at++)
		deployment->steps[at] = (Step) {.change = deployment->steps[at].change};
	deployment->first = deployment->sent = deployment->committed;
}

/* Does the server say that the change that is next is to be called for by itself? */
static bool
wants_steps(const Deployment *deployment)
{
	const char *failed = find_failed(deployment);

	return failed && !deployment->single_transaction && !connection_interrupted() &&
		   strcmp(failed, deployment->steps[deployment->committed].change->name) == 0 &&
		   sqlstate_wants_steps(PQresultErrorField(deployment->error, PG_DIAG_SQLSTATE));
}

/* The next change, which is no part of a pipeline. */
static void
call_in_steps(Deployment *deployment)
{
	Step *step = &deployment->steps[deployment->committed];
	Texts texts = read_texts(deployment, step->change);
	PGresult *result;

	progress_show(deployment->committed, deployment->count, step->change->name);
	result = queries_apply_in_steps(deployment->connection, step->change->name, texts.script,
									texts.script_length, texts.rollback, texts.rollback_length,
									deployment->number);
	progress_clear();
	free_texts(&texts);
	deployment->sent = deployment->committed + 1;
	if (!connection_succeeded(result))
	{
		deployment->error = result;
		if (connection_is_lost(deployment->connection))
			deployment->outcome = PIPELINE_LOST;
		else
			step->outcome = "failed";
		return;
	}
	note_applied(step, result);
	PQclear(result);
	deployment->outcome = PIPELINE_SUCCEEDED;
	note_committed(deployment, deployment->committed);
	deployment->first = deployment->committed;
}

/* After an attempt that failed: may there be another one? */
static bool
begin_again(Deployment *deployment)
{
	const char *failed = find_failed(deployment);
	bool in_steps = wants_steps(deployment);

	if (failed == NULL)
		return false;
	if (in_steps)
	{
		forget_attempt(deployment);
		call_in_steps(deployment);
		if (deployment->outcome != PIPELINE_FAILED)
			return deployment->outcome == PIPELINE_SUCCEEDED;
	}
	deployment->retry.by_server = in_steps;
	if (!lock_retry_wait(&deployment->retry, deployment->connection, failed, deployment->error))
		return false;
	forget_attempt(deployment);
	return true;
}

/* One attempt, after which the connection, if it is still there, is in no transaction. */
static void
attempt(Deployment *deployment)
{
	progress_show(deployment->committed, deployment->count,
				  deployment->steps[deployment->committed].change->name);
	deployment->outcome = pipeline_run(deployment->connection, send_next, take_answer, deployment);
	progress_clear();
	if (deployment->outcome != PIPELINE_LOST &&
		PQtransactionStatus(deployment->connection->pg) != PQTRANS_IDLE)
		PQclear(queries_rollback(deployment->connection));
}

void
deployment_run(Deployment *deployment)
{
	lock_retry_begin(&deployment->retry);
	do
		attempt(deployment);
	while (deployment->outcome == PIPELINE_FAILED && begin_again(deployment) &&
		   deployment->committed < deployment->count);
	settle_steps(deployment);
	if (deployment->outcome == PIPELINE_LOST)
		return;
	if (!deployment->finished)
		PQclear(queries_deployment_finish(deployment->connection, deployment->number,
										  deployment_outcome(deployment)));
}

const char *
deployment_outcome(const Deployment *deployment)
{
	if (deployment->committed == deployment->count && deployment->outcome != PIPELINE_LOST)
		return "succeeded";
	return connection_interrupted() ? "cancelled" : "failed";
}
