/*
 * cli/cmd_status.c: dbmaestro status [ENVIRONMENT]
 */
#include "postgres_fe.h"

#include <jansson.h>

#include "catalog/pg_type_d.h"

#include "commands.h"
#include "message.h"
#include "plan.h"
#include "print.h"
#include "queries.h"
#include "table.h"
#include "unfinished.h"

const Option status_options[] = {
	{OPTION_GROUP, .value = (void *) repository_options},
	{OPTION_END},
};

/* People are told of the lock, and of a change that came to no end, in lines of their own. */
#define COLUMNS_FOR_PEOPLE 13

static const TableColumn columns[] = {
	{"environment", TEXTOID},
	{"follows", TEXTOID},
	{"identity", TEXTOID},
	{"guard", TEXTOID},
	{"tier", TEXTOID},
	{"applied", INT8OID},
	{"pending", INT8OID},
	{"changed", INT8OID},
	{"failed", INT8OID},
	{"interrupted", INT8OID},
	{"last_change", TEXTOID},
	{"last_applied_at", TIMESTAMPTZOID},
	{"problem", TEXTOID},
	{"lock_pid", INT4OID},
	{"lock_role", TEXTOID},
	{"lock_application", TEXTOID},
	{"lock_since", TIMESTAMPTZOID},
	{"lock_queue", INT4OID},
	{"lock_blockers", JSONBOID},
	{"partial", INT8OID},
	{"unfinished_change", TEXTOID},
	{"unfinished_state", TEXTOID},
	{"unfinished_at", TEXTOID},
	{"unfinished_evidence", TEXTOID},
	{NULL, 0},
};

/* A value of the first row, or NULL. */
static char *
value_of(const PGresult *result, const char *column)
{
	int at = PQfnumber(result, column);

	if (!connection_succeeded(result) || at < 0 || PQntuples(result) == 0 ||
		PQgetisnull(result, 0, at))
		return NULL;
	return PQgetvalue(result, 0, at);
}

static PGresult *
make_table(void)
{
	TableColumn chosen[lengthof(columns)] = {{NULL, 0}};

	memcpy(chosen, columns,
		   print_is_for_people() ? COLUMNS_FOR_PEOPLE * sizeof(TableColumn) : sizeof(columns));
	return table_make(chosen);
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* One that it waits for itself. */
static void
tell_blocker(const json_t *blocker)
{
	const char *prepared = json_string_value(json_object_get(blocker, "prepared_transaction"));
	char *who = prepared ? psprintf("prepared transaction \"%s\"", prepared)
						 : psprintf("process " INT64_FORMAT ", role \"%s\", application \"%s\"",
									(int64) json_integer_value(json_object_get(blocker, "pid")),
									text_of(blocker, "role"), text_of(blocker, "application_name"));

	message_info("  it waits for a lock on %s behind %s: %s", text_of(blocker, "object"), who,
				 text_of(blocker, "query"));
	pg_free(who);
}

/* Who runs a change in this environment now. */
static void
tell_lock(const char *environment, const PGresult *status)
{
	const char *pid = value_of(status, "lock_pid");
	const char *role = value_of(status, "lock_role");
	const char *application = value_of(status, "lock_application");
	const char *since = value_of(status, "lock_since");
	const char *queue = value_of(status, "lock_queue");
	json_t *blockers;

	if (pid == NULL || !print_is_for_people())
		return;
	message_info("deploying to \"%s\" now: process %s, role \"%s\", application \"%s\", since %s",
				 environment, pid, role ? role : "", application ? application : "",
				 since ? since : "?");
	if (queue && strcmp(queue, "0") != 0)
		message_info("  %s %s behind it for a lock", queue,
					 strcmp(queue, "1") == 0 ? "session waits" : "sessions wait");
	blockers = value_of(status, "lock_blockers")
				   ? json_loads(value_of(status, "lock_blockers"), 0, NULL)
				   : NULL;
	for (size_t at = 0; at < json_array_size(blockers); at++)
		tell_blocker(json_array_get(blockers, at));
	json_decref(blockers);
}

/* Which changes came to no end, where they stand, and what the catalogs prove about that. */
static void
tell_unfinished(Connection *connection, const PGresult *status)
{
	PGresult *rows;

	if (value_of(status, "unfinished_change") == NULL || !print_is_for_people())
		return;
	rows = queries_unfinished(connection, NULL);
	for (int row = 0; connection_succeeded(rows) && row < PQntuples(rows); row++)
	{
		Unfinished unfinished = unfinished_of(rows, row);

		unfinished_tell(&unfinished, connection->environment->name);
	}
	PQclear(rows);
}

static char *
primary_message(const PGresult *result)
{
	char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	return pg_strdup(primary ? primary : PQresultErrorMessage(result));
}

/* Asks one environment, adds its row, and returns what is wrong with it. */
static ExitCode
add_environment(PGresult *table, const Config *config, Repository *repository,
				Connection *connection)
{
	PGresult *status = queries_status(connection);
	ExitCode code = EXIT_DONE;
	char *problem = NULL;
	Plan *plan = NULL;
	const PGresult *error = status;

	if (connection_succeeded(status))
	{
		plan = plan_fetch(connection, config, repository, NULL);
		error = plan->rows;
	}
	if (!connection_succeeded(error))
	{
		code = exit_code_of(PQresultErrorField(error, PG_DIAG_SQLSTATE));
		problem = primary_message(error);
	}
	table_add(
		table, connection->environment->name, value_of(status, "follows"),
		value_of(status, "identity"), value_of(status, "guard_in_force"), value_of(status, "tier"),
		value_of(status, "applied"),
		problem ? NULL
				: psprintf("%d", plan_count(plan, "pending") + plan_count(plan, "out of order")),
		problem ? NULL : psprintf("%d", plan_count(plan, "changed")), value_of(status, "failed"),
		value_of(status, "interrupted_deployments"), value_of(status, "last_change"),
		value_of(status, "last_applied_at"), problem, value_of(status, "lock_pid"),
		value_of(status, "lock_role"), value_of(status, "lock_application"),
		value_of(status, "lock_since"), value_of(status, "lock_queue"),
		value_of(status, "lock_blockers"), value_of(status, "partial"),
		value_of(status, "unfinished_change"), value_of(status, "unfinished_state"),
		value_of(status, "unfinished_at"), value_of(status, "unfinished_evidence"));
	tell_lock(connection->environment->name, status);
	tell_unfinished(connection, status);
	PQclear(status);
	return code;
}

static void
add_unreachable(PGresult *table, const Environment *environment, const ConnectionFault *fault)
{
	table_add(table, environment->name, environment->follows, NULL, NULL, NULL, NULL, NULL, NULL,
			  NULL, NULL, NULL, NULL, fault->message, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
			  NULL, NULL, NULL, NULL);
}

/* Those that are asked: the one that is wanted, or all. */
static int
choose_environments(const Config *config, const Environment *wanted, const Environment **chosen)
{
	int count = 0;

	for (int at = 0; at < config->environment_count; at++)
	{
		if (wanted == NULL || wanted == &config->environments[at])
			chosen[count++] = &config->environments[at];
	}
	return count;
}

ExitCode
cmd_status(int count, char **arguments)
{
	const Config *config = config_load();
	const Environment *wanted = count > 0 ? config_environment(config, arguments[0]) : NULL;
	Repository *repository = repository_open(config);
	int most = config->environment_count + 1;
	const Environment **environments = pg_malloc0(most * sizeof(Environment *));
	Connection **connections = pg_malloc0(most * sizeof(Connection *));
	ConnectionFault *faults = pg_malloc0(most * sizeof(ConnectionFault));
	int asked = choose_environments(config, wanted, environments);
	PGresult *table = make_table();
	ExitCode first = EXIT_DONE;

	connection_try_all(environments, asked, connections, faults);
	for (int at = 0; at < asked; at++)
	{
		ExitCode code = faults[at].code;

		if (connections[at])
		{
			code = add_environment(table, config, repository, connections[at]);
			connection_close(connections[at]);
		}
		else
			add_unreachable(table, environments[at], &faults[at]);
		if (first == EXIT_DONE)
			first = code;
	}
	print_rows(table, NULL);
	PQclear(table);
	return first;
}
