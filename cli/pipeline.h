/*
 * cli/pipeline.h: many commands on their way at once
 *
 * Acts are sent before one Sync: after an error the server skips what is left
 * of them by itself.  Questions have one each.
 */
#ifndef DBM_CLI_PIPELINE_H
#define DBM_CLI_PIPELINE_H

#include "connection.h"

/* Sends the next commands by queries_send_...; false if there are none. */
typedef bool (*PipelineSource)(void *context);

/* Takes the result of a command, numbered from 0, to keep it or to clear it. */
typedef void (*PipelineSink)(void *context, int ordinal, PGresult *result);

typedef enum PipelineOutcome
{
	PIPELINE_SUCCEEDED,
	PIPELINE_FAILED,			/* the sink has seen the error */
	PIPELINE_LOST,				/* the connection is gone */
} PipelineOutcome;

/*
 * Runs a pipeline to its end.  Nothing more is sent after an error or an
 * interrupt.  What is sent and not yet written is never more than the commands
 * of one call of the source.
 */
extern PipelineOutcome pipeline_run(Connection *connection, PipelineSource source,
									PipelineSink sink, void *context);

/* The same for questions, each a transaction of its own: after an error the next one is asked. */
extern PipelineOutcome pipeline_ask(Connection *connection, PipelineSource source,
									PipelineSink sink, void *context);

#endif							/* DBM_CLI_PIPELINE_H */
