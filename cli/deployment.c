/*
 * cli/deployment.c: one run of changes into one environment
 *
 * BEGIN, dbm_apply, COMMIT for each change, without a Sync between them: the
 * server goes from one to the next by itself, and after an error it skips the
 * rest.  What was committed before stands.
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

static void
send_step(Deployment *deployment, const Change *change)
{
	size_t script_length;
	size_t rollback_length = 0;
	char *script = repository_read(deployment->repository, &change->script, &script_length);
	char *rollback = NULL;

	if (change->rollback.path)
		rollback = repository_read(deployment->repository, &change->rollback, &rollback_length);
	queries_send_apply(deployment->connection, change->name, script, script_length, rollback,
					   rollback_length, deployment->number);
	pg_free(script);
	pg_free(rollback);
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
	return PQgetisnull(result, 0, column) ? NULL : pg_strdup(PQgetvalue(result, 0, column));
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

/* Waits, if it is a lock that was missing, and forgets the attempt that failed. */
static bool
begin_again(Deployment *deployment)
{
	const char *failed = find_failed(deployment);

	if (failed == NULL ||
		!lock_retry_wait(&deployment->retry, deployment->connection, failed, deployment->error))
		return false;
	PQclear(deployment->error);
	deployment->error = NULL;
	for (int at = deployment->committed; at < deployment->count; at++)
		deployment->steps[at] = (Step) {.change = deployment->steps[at].change};
	deployment->first = deployment->sent = deployment->committed;
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
	while (deployment->outcome == PIPELINE_FAILED && begin_again(deployment));
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
