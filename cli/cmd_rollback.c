/*
 * cli/cmd_rollback.c: dbmaestro rollback ENVIRONMENT CHANGE | --to CHANGE
 *
 * Whether a change can be taken back, and whether the schema is then as it was
 * before, the server says.
 */
#include "postgres_fe.h"

#include <jansson.h>

#include "catalog/pg_type_d.h"

#include "changes.h"
#include "commands.h"
#include "message.h"
#include "outcome.h"
#include "prompt.h"
#include "queries.h"
#include "series.h"
#include "table.h"
#include "unfinished.h"

static char *last_kept = NULL;
static char *reason = NULL;
static bool yes = false;

const Option rollback_options[] = {
	{OPTION_TEXT, 0, "to", &last_kept, "CHANGE",
	 "roll back all that was applied behind this change, which stays"},
	{OPTION_TEXT, 0, "reason", &reason, "TEXT", "why, for the record"},
	{OPTION_FLAG, 'y', "yes", &yes, NULL, "do not ask"},
	{OPTION_GROUP, .value = (void *) repository_options},
	{OPTION_GROUP, .value = (void *) lock_retry_options},
	{OPTION_END},
};

static const char *
applied_name(json_t *applied, int at)
{
	return json_string_value(json_object_get(json_array_get(applied, at), "change"));
}

/* Of what is there in part nobody can say whether it comes before or behind. */
static void
require_all_finished(Connection *connection)
{
	PGresult *rows = unfinished_fetch(connection, NULL);

	if (PQntuples(rows) > 0)
	{
		message_error("cannot roll back all behind \"%s\" while a change is there in part",
					  last_kept);
		exit(unfinished_refuse(rows, connection->environment->name));
	}
	PQclear(rows);
}

/* What is applied, as dbm_manifest tells it, the oldest first. */
static json_t *
fetch_applied(Connection *connection)
{
	PGresult *result = connection_expect(connection, queries_manifest(connection));
	json_t *manifest = json_loads(PQgetvalue(result, 0, 0), 0, NULL);
	json_t *applied = json_incref(json_object_get(manifest, "changes"));

	json_decref(manifest);
	PQclear(result);
	return applied;
}

static int
find_applied(json_t *applied, const char *name)
{
	int at = json_array_size(applied);

	while (--at >= 0 && strcmp(applied_name(applied, at), name) != 0)
		;
	return at;
}

DBM_NORETURN static void
refuse_unapplied(json_t *applied, const Environment *environment, const char *name)
{
	int count = json_array_size(applied);
	char *last = pg_strdup("");

	for (int at = count - 1; at >= 0 && at >= count - 3; at--)
		last = psprintf("%s%s\"%s\"", last, last[0] ? ", " : "", applied_name(applied, at));
	message_die(EXIT_ERROR,
				count > 0
					? psprintf("Applied last there: %s.  Run \"dbmaestro history %s\" to see all.",
							   last, environment->name)
					: "Nothing is applied there.",
				"change \"%s\" is not applied in \"%s\"", name, environment->name);
}

/* The newest first, down to the one that stays. */
static void
choose_behind(Series *series, const Environment *environment)
{
	json_t *applied = fetch_applied(series->connection);
	int at = json_array_size(applied);

	if (find_applied(applied, last_kept) < 0)
		refuse_unapplied(applied, environment, last_kept);
	series->names = pg_malloc0((at + 1) * sizeof(char *));
	while (strcmp(applied_name(applied, --at), last_kept) != 0)
		series->names[series->count++] = pg_strdup(applied_name(applied, at));
	json_decref(applied);
}

/* Whoever is asked is asked about something that is there. */
static void
choose_one(Series *series, const Environment *environment, const char **name)
{
	series->count = 1;
	series->names = name;
	if (!yes)
	{
		json_t *applied = fetch_applied(series->connection);

		if (find_applied(applied, *name) < 0 &&
			PQntuples(unfinished_fetch(series->connection, *name)) == 0)
			refuse_unapplied(applied, environment, *name);
		json_decref(applied);
	}
}

static void
require_target(int count)
{
	if (count > 1 && last_kept)
		message_die(EXIT_USAGE, "Name one change, or say --to.",
					"a change and --to cannot be used together");
	if (count < 2 && last_kept == NULL)
		message_die(
			EXIT_USAGE,
			"Name one change to roll it back, or say --to CHANGE to roll back all behind it.",
			"it is not said what to roll back");
}

/* Shows what would be rolled back, in order, and asks. */
static bool
confirm(const Series *series, const Environment *environment)
{
	if (yes)
		return true;
	message_info("To be rolled back in \"%s\", in this order:", environment->name);
	for (int at = 0; at < series->count; at++)
		message_info("  %s", series->names[at]);
	if (prompt_yes("Roll back %d %s in \"%s\"?", series->count,
				   series->count == 1 ? "change" : "changes", environment->name))
		return true;
	message_info("nothing was rolled back");
	return false;
}

/* The change as the commit has it, or NULL. */
static const Change *
find_in_commit(const Series *series, int at, Repository **repository)
{
	const Config *config = series->context;

	if (!repository_is_there(config))
		return NULL;
	*repository = repository_open(config);
	return changes_find(changes_read(config, *repository), series->names[at]);
}

/*
 * A change that is applied or rolled back in part goes back by the rollback
 * script of the commit, which may have been corrected; NULL: it has none that
 * belongs to what was applied.
 */
static PGresult *
roll_back_by_commit(Series *series, int at)
{
	Repository *repository;
	const Change *change = find_in_commit(series, at, &repository);
	size_t script_length;
	size_t rollback_length;
	char *script;
	char *rollback;
	PGresult *answer;

	if (change == NULL || change->rollback.path == NULL)
		return NULL;
	script = repository_read(repository, &change->script, &script_length);
	rollback = repository_read(repository, &change->rollback, &rollback_length);
	answer = queries_rollback_corrected(series->connection, series->names[at], reason, rollback,
										rollback_length, script, script_length);
	pg_free(script);
	pg_free(rollback);
	if (!sqlstate_is_of_content(PQresultErrorField(answer, PG_DIAG_SQLSTATE)))
		return answer;
	PQclear(answer);
	message_info("change \"%s\" was applied with another script than %s has: the stored rollback "
				 "script runs, not the one there",
				 series->names[at], repository_describe(repository));
	return NULL;
}

static PGresult *
roll_back(Series *series, int at)
{
	PGresult *answer = queries_rollback_change(series->connection, series->names[at], reason);
	const char *sqlstate = PQresultErrorField(answer, PG_DIAG_SQLSTATE);
	bool partial = sqlstate_is_partial(sqlstate);

	if (!sqlstate_wants_steps(sqlstate))
		return answer;
	PQclear(answer);
	series->retry.by_server = true;
	answer = partial ? roll_back_by_commit(series, at) : NULL;
	if (answer)
		return answer;
	return queries_rollback_in_steps(series->connection, series->names[at], reason);
}

static void
print_rolled_back(const Series *series, const char *outcome)
{
	static const TableColumn columns[] = {{"change", TEXTOID},	 {"outcome", TEXTOID},
										  {"run", INT8OID},		 {"statements", INT4OID},
										  {"duration", TEXTOID}, {NULL, 0}};
	PGresult *rows = table_make(columns);
	json_t *facts = json_object();

	for (int at = 0; at < series->count; at++)
		table_add(rows, series->names[at], series_step(series, at), series_value(series, at, 1),
				  series_value(series, at, 2), series_value(series, at, 3));
	json_object_set_new(facts, "environment", json_string(series->connection->environment->name));
	json_object_set_new(facts, "outcome", json_string(outcome));
	outcome_print(facts, rows, series->error);
}

ExitCode
cmd_rollback(int count, char **arguments)
{
	const Config *config = config_load();
	const Environment *environment = config_environment(config, arguments[0]);
	Series series = {.done_word = "rolled back", .call = roll_back, .context = (void *) config};
	ExitCode code = EXIT_ERROR;

	require_target(count);
	lock_retry_check_options();
	series.again = psprintf("rollback %s %s%s", environment->name, last_kept ? "--to " : "",
							last_kept ? last_kept : arguments[1]);
	series.connection = connection_open(environment);
	if (last_kept)
	{
		require_all_finished(series.connection);
		choose_behind(&series, environment);
	}
	else
		choose_one(&series, environment, (const char **) &arguments[1]);
	if (series.count == 0)
	{
		print_rolled_back(&series, "nothing to do");
		message_info("nothing to do: \"%s\" was applied last", last_kept);
		code = EXIT_DONE;
	}
	else if (confirm(&series, environment))
	{
		series_run(&series);
		print_rolled_back(&series, series_outcome(&series));
		code = series_end(&series);
	}
	connection_close(series.connection);
	return code;
}
