/*
 * cli/cmd_plan.c: dbmaestro plan ENVIRONMENT
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "commands.h"
#include "message.h"
#include "plan.h"
#include "print.h"
#include "queries.h"
#include "table.h"

static bool exit_code = false;
static bool show_steps = false;

const Option plan_options[] = {
	{OPTION_GROUP, .value = (void *) repository_options},
	{OPTION_FLAG, 0, "exit-code", &exit_code, NULL,
	 "end with 3 if something is pending, 9 if something has changed"},
	{OPTION_FLAG, 0, "steps", &show_steps, NULL,
	 "show in which transactions and single statements each script would run"},
	{OPTION_END},
};

/* A plan and where its scripts come from. */
typedef struct Source
{
	const Plan *plan;
	Connection *connection;
	Repository *repository;
} Source;

static const char *
value_of(const PGresult *result, int row, int column)
{
	return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

/* How the server would cut the script of this row; NULL where nothing of it is to run. */
static PGresult *
ask_steps(const Source *source, int row)
{
	const Change *change = plan_change(source->plan, row);
	PGresult *steps;
	char *script;
	size_t length;

	if (change == NULL || strcmp(plan_state(source->plan, row), "applied") == 0)
		return NULL;
	script = repository_read(source->repository, &change->script, &length);
	steps = queries_steps(source->connection, script, length);
	pg_free(script);
	if (connection_is_lost(source->connection))
		connection_expect(source->connection, steps);
	return steps;
}

/* The plan with the number of steps of what is to run, NULL where the server refuses the script. */
static PGresult *
count_steps(const Source *source)
{
	static const TableColumn columns[] = {{"ordinal", INT4OID}, {"change", TEXTOID},
										  {"state", TEXTOID},	{"detail", TEXTOID},
										  {"steps", INT4OID},	{NULL, 0}};
	const PGresult *rows = source->plan->rows;
	PGresult *table = table_make(columns);

	for (int row = 0; row < PQntuples(rows); row++)
	{
		PGresult *steps = ask_steps(source, row);
		bool cut = steps && connection_succeeded(steps);

		table_add(table, value_of(rows, row, 0), value_of(rows, row, 1), value_of(rows, row, 2),
				  value_of(rows, row, 3), cut ? psprintf("%d", PQntuples(steps)) : NULL);
		PQclear(steps);
	}
	return table;
}

/* A single statement that others run in place of: one row for each of them. */
static bool
add_parts(PGresult *table, const Source *source, const char *change, const PGresult *steps, int at)
{
	/* of a table that is still to be made the server can say nothing */
	PGresult *parts = queries_step_parts(source->connection, value_of(steps, at, 5));
	int count = connection_succeeded(parts) ? PQntuples(parts) : 0;

	for (int part = 0; part < count; part++)
		table_add(table, change, value_of(steps, at, 0), value_of(parts, part, 0),
				  value_of(steps, at, 2), value_of(steps, at, 4), value_of(parts, part, 1));
	PQclear(parts);
	return count > 0;
}

static PGresult *
list_steps(const Source *source)
{
	static const TableColumn columns[] = {
		{"change", TEXTOID}, {"step", INT4OID},       {"kind", TEXTOID}, {"line", INT4OID},
		{"reason", TEXTOID}, {"statements", TEXTOID}, {NULL, 0}};
	PGresult *table = table_make(columns);

	for (int row = 0; row < PQntuples(source->plan->rows); row++)
	{
		const char *change = value_of(source->plan->rows, row, 1);
		PGresult *steps = ask_steps(source, row);

		if (steps && !connection_succeeded(steps))
			message_server_error(steps);
		for (int at = 0; steps && at < PQntuples(steps); at++)
		{
			if (strcmp(value_of(steps, at, 1), "single") == 0 &&
				add_parts(table, source, change, steps, at))
				continue;
			table_add(table, change, value_of(steps, at, 0), value_of(steps, at, 1),
					  value_of(steps, at, 2), value_of(steps, at, 4), value_of(steps, at, 5));
		}
		PQclear(steps);
	}
	return table;
}

ExitCode
cmd_plan(int count, char **arguments)
{
	const Config *config = config_load();
	const Environment *environment = config_environment(config, arguments[0]);
	Repository *repository = repository_open(config);
	Connection *connection = connection_open(environment);
	Plan *plan = plan_fetch(connection, config, repository, NULL);
	Source source = {plan, connection, repository};

	connection_expect(connection, plan->rows);
	if (PQntuples(plan->rows) > 0 || print_is_json())
		print_rows(show_steps ? list_steps(&source) : count_steps(&source), NULL);
	else
		message_info("nothing to do: \"%s\" has all changes of %s", environment->name,
					 repository_describe(repository));
	connection_close(connection);
	if (exit_code && plan_count(plan, "changed") > 0)
		return EXIT_CHECKSUM;
	if (exit_code && plan_count(plan, "pending") + plan_count(plan, "out of order") +
							 plan_count(plan, "partial") >
						 0)
		return EXIT_PENDING;
	return EXIT_DONE;
}
