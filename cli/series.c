/*
 * cli/series.c: the same call for several changes, one after the other
 */
#include "postgres_fe.h"

#include "message.h"
#include "outcome.h"
#include "progress.h"
#include "series.h"
#include "unfinished.h"

void
series_run(Series *series)
{
	series->answers = pg_malloc0((series->count + 1) * sizeof(PGresult *));
	connection_protect(series->connection);
	lock_retry_begin(&series->retry);
	while (series->done < series->count && !connection_interrupted())
	{
		PGresult *answer;

		progress_show(series->done, series->count, series->names[series->done]);
		answer = series->call(series, series->done);
		if (connection_succeeded(answer))
		{
			series->answers[series->done++] = answer;
			lock_retry_begin(&series->retry);
		}
		else if (lock_retry_wait(&series->retry, series->connection, series->names[series->done],
								 answer))
			PQclear(answer);
		else
		{
			series->error = answer;
			break;
		}
	}
	progress_clear();
}

const char *
series_outcome(const Series *series)
{
	if (series->done == series->count)
		return "succeeded";
	return connection_interrupted() ? "cancelled" : "failed";
}

const char *
series_step(const Series *series, int at)
{
	if (at < series->done)
		return series->done_word;
	if (at > series->done || series->error == NULL)
		return "not reached";
	return connection_is_lost(series->connection) ? "unclear" : "failed";
}

const char *
series_value(const Series *series, int at, int column)
{
	if (at >= series->done || column >= PQnfields(series->answers[at]) ||
		PQgetisnull(series->answers[at], 0, column))
		return NULL;
	return PQgetvalue(series->answers[at], 0, column);
}

ExitCode
series_end(const Series *series)
{
	bool lost = connection_is_lost(series->connection);
	const char *name = series->connection->environment->name;
	ExitCode code = EXIT_ERROR;

	if (series->done == series->count)
		return EXIT_DONE;
	if (series->error)
		code = message_server_error(series->error);
	/* of a single change the server has said all */
	if (series->count == 1 && !lost && !connection_interrupted())
	{
		(void) unfinished_hint(series->connection, series->error, series->names[0]);
		return code;
	}
	if (lost)
		message_error("the connection to \"%s\" was lost", name);
	else if (connection_interrupted())
		message_error("interrupted");
	else
		message_error("change \"%s\" was not %s", series->names[series->done], series->done_word);
	message_detail("%d of %d changes are %s in \"%s\".%s%s%s", series->done, series->count,
				   series->done_word, name, lost ? "  Whether \"" : "",
				   lost ? series->names[series->done] : "", lost ? "\" is, the server knows." : "");
	if (!unfinished_hint(series->connection, series->error, series->names[series->done]))
		message_hint("Run \"dbmaestro %s\" again to go on.", series->again);
	return lost || connection_interrupted() ? EXIT_INTERRUPTED : code;
}
