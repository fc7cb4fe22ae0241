/*
 * cli/cmd_submit.c: dbmaestro submit ENVIRONMENT [CHANGE...]
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "commands.h"
#include "message.h"
#include "outcome.h"
#include "plan.h"
#include "queries.h"
#include "series.h"
#include "table.h"

const Option submit_options[] = {
	{OPTION_GROUP, .value = (void *) repository_options},
	{OPTION_END},
};

/* What is submitted, and the facts of the commit as the server takes them. */
typedef struct Submission
{
	Repository *repository;
	const Change **changes;
	char *claims;
} Submission;

static void
add_change(Series *series, const Change *change)
{
	Submission *submission = series->context;

	series->names[series->count] = change->name;
	submission->changes[series->count++] = change;
}

static void
make_room(Series *series, int count)
{
	Submission *submission = series->context;

	series->names = pg_malloc0((count + 1) * sizeof(char *));
	submission->changes = pg_malloc0((count + 1) * sizeof(Change *));
}

/* The changes that were named. */
static void
choose_named(Series *series, const Config *config, int count, char **names)
{
	Submission *submission = series->context;
	Changes *changes = changes_read_sound(config, submission->repository);

	make_room(series, count);
	for (int at = 0; at < count; at++)
	{
		const Change *change = changes_find(changes, names[at]);

		if (change == NULL)
			message_die(EXIT_ERROR, "Run \"dbmaestro check\" to see what the commit holds.",
						"there is no change \"%s\" in %s", names[at],
						repository_describe(submission->repository));
		add_change(series, change);
	}
}

/* All that the environment does not have. */
static void
choose_pending(Series *series, const Config *config)
{
	Submission *submission = series->context;
	Plan *plan = plan_fetch(series->connection, config, submission->repository, NULL);

	connection_expect(series->connection, plan->rows);
	make_room(series, PQntuples(plan->rows));
	for (int row = 0; row < PQntuples(plan->rows); row++)
	{
		const char *state = plan_state(plan, row);

		if (strcmp(state, "pending") == 0 || strcmp(state, "out of order") == 0)
			add_change(series, plan_change(plan, row));
	}
}

static PGresult *
submit(Series *series, int at)
{
	Submission *submission = series->context;
	const Change *change = submission->changes[at];
	size_t script_length;
	size_t rollback_length = 0;
	char *script = repository_read(submission->repository, &change->script, &script_length);
	char *rollback = NULL;
	PGresult *answer;

	if (change->rollback.path)
		rollback = repository_read(submission->repository, &change->rollback, &rollback_length);
	answer = queries_submit(series->connection, change->name, script, script_length, rollback,
							rollback_length, submission->claims);
	pg_free(script);
	pg_free(rollback);
	return answer;
}

static void
print_submitted(const Series *series, const char *outcome, json_t *claims)
{
	static const TableColumn columns[] = {
		{"change", TEXTOID}, {"outcome", TEXTOID}, {"approval", TEXTOID}, {NULL, 0}};
	PGresult *rows = table_make(columns);
	json_t *facts = json_object();

	for (int at = 0; at < series->count; at++)
		table_add(rows, series->names[at], series_step(series, at), series_value(series, at, 0));
	json_object_set_new(facts, "environment", json_string(series->connection->environment->name));
	json_object_set_new(facts, "outcome", json_string(outcome));
	json_object_set(facts, "commit", claims);
	outcome_print(facts, rows, series->error);
}

ExitCode
cmd_submit(int count, char **arguments)
{
	const Config *config = config_load();
	const Environment *environment = config_environment(config, arguments[0]);
	Submission submission = {.repository = repository_open(config)};
	json_t *claims = repository_claims(submission.repository);
	Series series = {.done_word = "submitted",
					 .again = psprintf("submit %s", environment->name),
					 .call = submit,
					 .context = &submission};
	ExitCode code;

	submission.claims = json_dumps(claims, JSON_COMPACT);
	series.connection = connection_open(environment);
	if (count > 1)
		choose_named(&series, config, count - 1, arguments + 1);
	else
		choose_pending(&series, config);
	series_run(&series);
	print_submitted(&series, series.count > 0 ? series_outcome(&series) : "nothing to do", claims);
	if (series.count == 0)
		message_info("nothing to do: \"%s\" has all changes of %s", environment->name,
					 repository_describe(submission.repository));
	code = series_end(&series);
	connection_close(series.connection);
	return code;
}
