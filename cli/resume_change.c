/*
 * cli/resume_change.c: going on with one change, as resume does it if one is named
 *
 * Of most statements the catalogs tell whether they have run.  Where they
 * cannot, the server asks for the word of a person, which goes on record.
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "message.h"
#include "outcome.h"
#include "prompt.h"
#include "queries.h"
#include "resume_change.h"
#include "series.h"
#include "table.h"

static char *interrupted = NULL;
static char *reason = NULL;
static bool yes = false;

static const char *const words[] = {"done", "again", NULL};

const Option resume_change_options[] = {
	{OPTION_CHOICE, 0, "interrupted", &interrupted, "WORD",
	 "say of the interrupted statement of CHANGE, where the catalogs cannot tell: done, it has run "
	 "to its end; or again, it is to be run once more",
	 words},
	{OPTION_TEXT, 0, "reason", &reason, "TEXT", "how you know, for the record"},
	{OPTION_FLAG, 'y', "yes", &yes, NULL, "do not ask"},
	{OPTION_END},
};

void
resume_change_refuse_options(void)
{
	if (interrupted || reason || yes)
		message_die(EXIT_USAGE, "Name the change: dbmaestro resume ENVIRONMENT CHANGE",
					"--%s is about one change, and none is named",
					interrupted ? "interrupted"
					: reason	? "reason"
								: "yes");
}

/* Shows what is known of the statement before somebody vouches for it. */
static void
tell_what_is_known(Connection *connection, const char *change)
{
	PGresult *status = connection_expect(connection, queries_unfinished(connection));

	for (int row = 0; row < PQntuples(status); row++)
	{
		if (PQgetisnull(status, row, 0) || strcmp(PQgetvalue(status, row, 0), change) != 0)
			continue;
		message_info("change \"%s\" in \"%s\" is %s", change, connection->environment->name,
					 PQgetvalue(status, row, 1));
		if (!PQgetisnull(status, row, 2))
			message_info("  %s", PQgetvalue(status, row, 2));
	}
	PQclear(status);
}

static bool
confirm(Connection *connection, const char *change)
{
	if (interrupted == NULL || yes)
		return true;
	tell_what_is_known(connection, change);
	if (strcmp(interrupted, "done") == 0
			? prompt_yes("Vouch for it that this statement was done in \"%s\"?",
						 connection->environment->name)
			: prompt_yes("Run this statement once more in \"%s\"?", connection->environment->name))
		return true;
	message_info("nothing was resumed");
	return false;
}

static PGresult *
call(Series *series, int at)
{
	series->retry.by_server = true;
	return queries_resume(series->connection, series->names[at], interrupted, reason);
}

static void
print_resumed(const Series *series)
{
	static const TableColumn columns[] = {{"change", TEXTOID},	 {"outcome", TEXTOID},
										  {"run", INT8OID},		 {"statements", INT4OID},
										  {"duration", TEXTOID}, {NULL, 0}};
	PGresult *rows = table_make(columns);
	const char *outcome = series_value(series, 0, 0);
	json_t *facts = json_object();

	table_add(rows, series->names[0], outcome ? outcome : series_step(series, 0),
			  series_value(series, 0, 1), series_value(series, 0, 2), series_value(series, 0, 3));
	json_object_set_new(facts, "environment", json_string(series->connection->environment->name));
	json_object_set_new(facts, "outcome", json_string(series_outcome(series)));
	outcome_print(facts, rows, series->error);
}

ExitCode
resume_change(Connection *connection, const char *change)
{
	const char *names[] = {change};
	Series series = {.connection = connection,
					 .done_word = "resumed",
					 .again = psprintf("resume %s %s", connection->environment->name, change),
					 .call = call,
					 .names = names,
					 .count = 1};

	lock_retry_check_options();
	if (!confirm(connection, change))
		return EXIT_ERROR;
	series_run(&series);
	print_resumed(&series);
	return series_end(&series);
}
