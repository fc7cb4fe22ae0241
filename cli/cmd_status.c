/*
 * cli/cmd_status.c: dbmaestro status [ENVIRONMENT]
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "commands.h"
#include "message.h"
#include "plan.h"
#include "print.h"
#include "queries.h"
#include "table.h"

const Option status_options[] = {
	{OPTION_GROUP, .value = (void *) repository_options},
	{OPTION_END},
};

static const TableColumn columns[] = {
	{"environment", TEXTOID}, {"follows", TEXTOID},
	{"identity", TEXTOID},    {"guard", TEXTOID},
	{"tier", TEXTOID},        {"applied", INT8OID},
	{"pending", INT8OID},     {"changed", INT8OID},
	{"failed", INT8OID},      {"interrupted", INT8OID},
	{"last_change", TEXTOID}, {"last_applied_at", TIMESTAMPTZOID},
	{"problem", TEXTOID},	  {NULL, 0},
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
	table_add(table, connection->environment->name, value_of(status, "follows"),
			  value_of(status, "identity"), value_of(status, "guard_in_force"),
			  value_of(status, "tier"), value_of(status, "applied"),
			  problem
				  ? NULL
					  : psprintf("%d", plan_count(plan, "pending") + plan_count(plan, "out of order")),
			  problem ? NULL : psprintf("%d", plan_count(plan, "changed")),
			  value_of(status, "failed"), value_of(status, "interrupted_deployments"),
			  value_of(status, "last_change"), value_of(status, "last_applied_at"), problem);
	PQclear(status);
	return code;
}

static void
add_unreachable(PGresult *table, const Environment *environment, const ConnectionFault *fault)
{
	table_add(table, environment->name, environment->follows, NULL, NULL, NULL, NULL, NULL, NULL,
			  NULL, NULL, NULL, NULL, fault->message);
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
	PGresult *table = table_make(columns);
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
