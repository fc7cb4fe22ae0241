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
#include "unfinished.h"

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

/* Asks, with what is known of the statement before somebody's eyes. */
static bool
ask_for_word(const Unfinished *unfinished, const char *environment)
{
	if (yes)
		return true;
	message_info("%s", unfinished_describe(unfinished, environment));
	if (unfinished->evidence)
		message_info("  %s", unfinished->evidence);
	if (strcmp(interrupted, "done") == 0
			? prompt_yes("Vouch for it that this statement was done in \"%s\"?", environment)
			: prompt_yes("Run this statement once more in \"%s\"?", environment))
		return true;
	message_info("nothing was resumed");
	return false;
}

/*
 * Only the word about a statement of which the server cannot tell is passed on:
 * about anything else it would be a lie on record, and without it the server
 * says what there is to say.
 */
static bool
settle_word(Connection *connection, const char *change)
{
	const char *environment = connection->environment->name;
	PGresult *rows;
	Unfinished unfinished;
	bool go_on = true;

	if (interrupted == NULL)
		return true;
	rows = unfinished_fetch(connection, change);
	if (PQntuples(rows) > 0)
		unfinished = unfinished_of(rows, 0);
	if (PQntuples(rows) > 0 && unfinished.wants_word)
		go_on = ask_for_word(&unfinished, environment);
	else
	{
		if (PQntuples(rows) > 0 && !unfinished.running)
			message_info("--interrupted %s is not needed, and not taken: %s", interrupted,
						 unfinished.evidence ? unfinished.evidence : "nothing was interrupted");
		interrupted = NULL;
	}
	PQclear(rows);
	return go_on;
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
	if (!settle_word(connection, change))
		return EXIT_ERROR;
	series_run(&series);
	print_resumed(&series);
	return series_end(&series);
}
