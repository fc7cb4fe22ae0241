/*
 * cli/pipeline.c: many commands on their way at once
 *
 * Sending never blocks: a server that cannot send its answers because nobody
 * reads them would stop reading too.
 */
#include "postgres_fe.h"

#include <poll.h>

#include "message.h"
#include "pipeline.h"

/* Milliseconds between two attempts to cancel: the first may have hit nothing. */
#define CANCEL_AGAIN 200

typedef struct Pipeline
{
	Connection *connection;
	PipelineSource source;
	PipelineSink sink;
	void *context;
	int first;					/* connection->sent at the start */
	int answered;
	int syncs;					/* those to which the answer has not come */
	bool apart;					/* one behind each command */
	bool sending;
	bool unwritten;				/* libpq still holds something to write */
	bool failed;
	bool broken;				/* not all could be written: no end is a good one */
} Pipeline;

static void
send_more(Pipeline *pipeline)
{
	PGconn *pg = pipeline->connection->pg;

	if (!pipeline->sending || pipeline->unwritten)
		return;
	if ((pipeline->failed && !pipeline->apart) || connection_interrupted() ||
		!pipeline->source(pipeline->context))
		pipeline->sending = false;
	if (pipeline->apart == pipeline->sending)
	{
		if (PQpipelineSync(pg) == 1)
			pipeline->syncs++;
		else
			pipeline->broken = true;
	}
	else if (pipeline->sending)
		/* the server sends what it has, and does not wait for Sync */
		(void) PQsendFlushRequest(pg);
}

static void
write_out(Pipeline *pipeline)
{
	int code = PQflush(pipeline->connection->pg);

	/* after an error of the connection there may still be something to read */
	pipeline->unwritten = code == 1;
	if (code < 0)
	{
		pipeline->sending = false;
		pipeline->broken = true;
	}
}

static void
take_result(Pipeline *pipeline, PGresult *result)
{
	switch (PQresultStatus(result))
	{
		case PGRES_PIPELINE_SYNC:
			pipeline->syncs--;
			PQclear(result);
			break;
		case PGRES_PIPELINE_ABORTED:
			PQclear(result);
			break;
		case PGRES_TUPLES_OK:
		case PGRES_COMMAND_OK:
			pipeline->sink(pipeline->context, pipeline->answered, result);
			break;
		default:
			pipeline->failed = true;
			pipeline->sink(pipeline->context, pipeline->answered, result);
	}
}

static bool
is_complete(const Pipeline *pipeline)
{
	return !pipeline->sending && !pipeline->broken && pipeline->syncs == 0;
}

/* Takes the results that have come; between two commands libpq puts a NULL. */
static void
take_results(Pipeline *pipeline)
{
	Connection *connection = pipeline->connection;

	while (!is_complete(pipeline) && !PQisBusy(connection->pg))
	{
		bool outstanding = pipeline->answered < connection->sent - pipeline->first;
		PGresult *result;

		if (!outstanding && pipeline->sending && pipeline->syncs == 0)
			return;
		result = PQgetResult(connection->pg);
		if (result)
			take_result(pipeline, result);
		else if (outstanding)
			pipeline->answered++;
		else
			return;
	}
}

static bool
wait_for_socket(Pipeline *pipeline)
{
	PGconn *pg = pipeline->connection->pg;
	bool interrupted = connection_interrupted();
	bool more = pipeline->sending && !pipeline->unwritten;
	struct pollfd socket = {PQsocket(pg), POLLIN, 0};

	if (pipeline->unwritten)
		socket.events |= POLLOUT;
	if (poll(&socket, 1, more ? 0 : interrupted ? CANCEL_AGAIN : -1) < 0 && errno != EINTR)
		return false;
	if (interrupted && socket.revents == 0)
		connection_cancel(pipeline->connection);
	if (socket.revents & (POLLIN | POLLHUP | POLLERR))
		return PQconsumeInput(pg) == 1;
	return true;
}

static PipelineOutcome
run(Connection *connection, PipelineSource source, PipelineSink sink, void *context, bool apart)
{
	Pipeline pipeline = {connection, source, sink, context};
	PGconn *pg = connection->pg;

	pipeline.first = connection->sent;
	pipeline.apart = apart;
	pipeline.sending = true;
	if (PQenterPipelineMode(pg) != 1 || PQsetnonblocking(pg, 1) != 0)
		message_die(EXIT_ERROR, NULL, "could not start a pipeline: %s", PQerrorMessage(pg));
	while (!is_complete(&pipeline))
	{
		bool readable;

		send_more(&pipeline);
		write_out(&pipeline);
		/* nothing was left to send, and all answers are there: nothing more comes */
		if (is_complete(&pipeline))
			break;
		readable = wait_for_socket(&pipeline);
		take_results(&pipeline);
		if (!readable || connection_is_lost(connection))
			break;
	}
	if (!is_complete(&pipeline))
		return PIPELINE_LOST;
	(void) PQsetnonblocking(pg, 0);
	if (PQexitPipelineMode(pg) != 1)
		message_die(EXIT_ERROR, NULL, "could not end a pipeline: %s", PQerrorMessage(pg));
	return pipeline.failed ? PIPELINE_FAILED : PIPELINE_SUCCEEDED;
}

PipelineOutcome
pipeline_run(Connection *connection, PipelineSource source, PipelineSink sink, void *context)
{
	return run(connection, source, sink, context, false);
}

PipelineOutcome
pipeline_ask(Connection *connection, PipelineSource source, PipelineSink sink, void *context)
{
	return run(connection, source, sink, context, true);
}
