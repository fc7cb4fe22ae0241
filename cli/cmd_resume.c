/*
 * cli/cmd_resume.c: dbmaestro resume ENVIRONMENT [CHANGE]
 *
 * The newest deployment did not reach its end: its commit is deployed again,
 * as far as it was to go, from the environment that it came from, and in one
 * transaction if it was to be.  With a change: only what is left of that one,
 * as the server has stored it (resume_change.c).
 */
#include "postgres_fe.h"

#include "commands.h"
#include "delivery.h"
#include "message.h"
#include "outcome.h"
#include "queries.h"
#include "resume_change.h"
#include "table.h"
#include "unfinished.h"

#include "catalog/pg_type_d.h"

const Option resume_options[] = {
	{OPTION_GROUP, .value = (void *) delivery_options},
	{OPTION_GROUP, .value = (void *) resume_change_options},
	{OPTION_END},
};

/* The newest deployment, as the server tells of it. */
typedef struct Found
{
	char *number;				/* NULL: there is none */
	char *state;
	char *commit;				/* NULL: it was not of a commit */
	char *reference;
	char *started_at;
	char *started_by;
	char *followed;				/* environment that it was promoted from, or NULL */
	char *last_change;			/* where it was to end, NULL: where the commit does */
	bool single_transaction;
} Found;

static char *
copy_value(const PGresult *result, int column)
{
	return PQgetisnull(result, 0, column) ? NULL : pg_strdup(PQgetvalue(result, 0, column));
}

static Found
find_last(Connection *connection)
{
	PGresult *result = connection_expect(connection, queries_last_deployment(connection));
	Found found = {copy_value(result, 0), copy_value(result, 1), copy_value(result, 2),
				   copy_value(result, 3), copy_value(result, 4), copy_value(result, 5),
				   copy_value(result, 6), copy_value(result, 7)};

	found.single_transaction = PQgetvalue(result, 0, 8)[0] == 't';
	PQclear(result);
	return found;
}

static ExitCode
tell_nothing(const Environment *environment, const Found *found)
{
	static const TableColumn columns[] = {{"change", TEXTOID}, {NULL, 0}};
	json_t *facts = json_object();

	json_object_set_new(facts, "environment", json_string(environment->name));
	json_object_set_new(facts, "outcome", json_string("nothing to do"));
	outcome_print(facts, table_make(columns), NULL);
	if (found->number)
		message_info("nothing to resume in \"%s\": deployment %s, the last one, has succeeded",
					 environment->name, found->number);
	else
		message_info("nothing to resume in \"%s\": nothing was ever deployed there",
					 environment->name);
	return EXIT_DONE;
}

static void
require_resumable(const Environment *environment, const Found *found)
{
	if (strcmp(found->state, "running") == 0)
		message_die(
			EXIT_BUSY,
			psprintf("Wait for its end: dbmaestro status %s.  Behind a connection pooler the "
					 "server cannot tell whether the client is still there: if it is not, run "
					 "\"dbmaestro deploy %s\" with the same options.",
					 environment->name, environment->name),
			"deployment %s to \"%s\" is running, started at %s by \"%s\"", found->number,
			environment->name, found->started_at, found->started_by);
	if (found->commit == NULL)
		message_die(EXIT_ERROR,
					psprintf("Run \"dbmaestro deploy %s\" with the files that it was of.",
							 environment->name),
					"deployment %s to \"%s\" was not of a commit", found->number,
					environment->name);
}

/* Where it came from, where it was to end, and whether in one transaction. */
static void
take_aim(Delivery *delivery, const Found *found)
{
	delivery->last_wanted = found->last_change;
	delivery->single_transaction = found->single_transaction;
	delivery->anew = found->followed
						 ? psprintf("promote %s %s", found->followed,
									delivery->connection->environment->name)
						 : psprintf("deploy %s", delivery->connection->environment->name);
	if (found->followed)
		delivery_follow(delivery, config_environment(delivery->config, found->followed));
}

/* What is there in part and of no deployment to go on with, goes on by its name only. */
static ExitCode
refuse_unfinished(Connection *connection)
{
	PGresult *rows = unfinished_fetch(connection, NULL);
	ExitCode code = unfinished_refuse(rows, connection->environment->name);

	PQclear(rows);
	return code;
}

static ExitCode
resume_deployment(const Config *config, const Environment *environment)
{
	Delivery delivery = {.config = config,
						 .connection = connection_open(environment),
						 .again = psprintf("resume %s", environment->name)};
	Found found = find_last(delivery.connection);
	ExitCode code;

	if (found.number == NULL || strcmp(found.state, "succeeded") == 0)
	{
		code = refuse_unfinished(delivery.connection);
		return code == EXIT_DONE ? tell_nothing(environment, &found) : code;
	}
	require_resumable(environment, &found);
	message_info("deployment %s of commit %.10s (%s), started at %s by \"%s\"%s: %s", found.number,
				 found.commit, found.reference ? found.reference : "no ref", found.started_at,
				 found.started_by, found.single_transaction ? ", in a single transaction" : "",
				 found.state);
	delivery.repository = repository_open_at(config, found.commit);
	take_aim(&delivery, &found);
	code = delivery_run(&delivery);
	if (code == EXIT_DONE && !delivery_is_shown_only())
		code = refuse_unfinished(delivery.connection);
	connection_close(delivery.connection);
	return code;
}

ExitCode
cmd_resume(int count, char **arguments)
{
	const Config *config = config_load();
	const Environment *environment = config_environment(config, arguments[0]);
	Connection *connection;
	ExitCode code;

	if (count == 1)
	{
		resume_change_refuse_options();
		return resume_deployment(config, environment);
	}
	delivery_refuse_options();
	connection = connection_open(environment);
	code = resume_change(connection, arguments[1]);
	connection_close(connection);
	return code;
}
