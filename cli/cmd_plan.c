/*
 * cli/cmd_plan.c: dbmaestro plan ENVIRONMENT
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "commands.h"
#include "message.h"
#include "plan.h"
#include "plan_steps.h"
#include "print.h"
#include "table.h"

static bool exit_code = false;
static bool show_steps = false;

const Option plan_options[] = {
	{OPTION_GROUP, .value = (void *) repository_options},
	{OPTION_FLAG, 0, "exit-code", &exit_code, NULL,
	 "end with 3 if something is pending or there in part, 9 if something has changed"},
	{OPTION_FLAG, 0, "steps", &show_steps, NULL,
	 "show in which transactions and single statements each script would run"},
	{OPTION_END},
};

static const char *
value_of(const PGresult *result, int row, int column)
{
	return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

/* The plan with the number of steps of what is to run, NULL where the server refuses the script. */
static void
note_count(void *context, int row, PGresult *steps)
{
	int *counts = context;

	if (connection_succeeded(steps))
		counts[row] = PQntuples(steps);
	PQclear(steps);
}

static PGresult *
count_steps(const StepsSource *source)
{
	static const TableColumn columns[] = {{"ordinal", INT4OID}, {"change", TEXTOID},
										  {"state", TEXTOID},	{"detail", TEXTOID},
										  {"steps", INT4OID},	{NULL, 0}};
	const PGresult *rows = source->plan->rows;
	PGresult *table = table_make(columns);
	int *counts = pg_malloc0((PQntuples(rows) + 1) * sizeof(int));

	plan_steps_ask(source, note_count, counts);
	for (int row = 0; row < PQntuples(rows); row++)
		table_add(table, value_of(rows, row, 0), value_of(rows, row, 1), value_of(rows, row, 2),
				  value_of(rows, row, 3), counts[row] > 0 ? psprintf("%d", counts[row]) : NULL);
	pg_free(counts);
	return table;
}

static void
note_steps(void *context, int row, PGresult *steps)
{
	PGresult **answers = context;

	answers[row] = steps;
}

/* A single statement that others run in place of: one row for each of them. */
static bool
add_parts(PGresult *table, const char *change, const PGresult *steps, int at, const PGresult *parts)
{
	/* of a table that is still to be made the server can say nothing */
	int count = connection_succeeded(parts) ? PQntuples(parts) : 0;

	for (int part = 0; part < count; part++)
		table_add(table, change, value_of(steps, at, 0), value_of(parts, part, 0),
				  value_of(steps, at, 2), value_of(steps, at, 4), value_of(parts, part, 1));
	return count > 0;
}

static void
add_steps(PGresult *table, const char *change, const PGresult *steps, PGresult *const **parts)
{
	for (int at = 0; at < PQntuples(steps); at++)
	{
		if (plan_step_is_single(steps, at) && add_parts(table, change, steps, at, *(*parts)++))
			continue;
		table_add(table, change, value_of(steps, at, 0), value_of(steps, at, 1),
				  value_of(steps, at, 2), value_of(steps, at, 4), value_of(steps, at, 5));
	}
}

/* A script that cannot be cut is one that deploy would refuse. */
static void
tell_uncut(const char *change, const PGresult *fault)
{
	message_server_error(fault);
	message_error("change \"%s\" cannot be cut into steps", change);
}

static PGresult *
list_steps(const StepsSource *source, ExitCode *code)
{
	static const TableColumn columns[] = {
		{"change", TEXTOID}, {"step", INT4OID},       {"kind", TEXTOID}, {"line", INT4OID},
		{"reason", TEXTOID}, {"statements", TEXTOID}, {NULL, 0}};
	const PGresult *rows = source->plan->rows;
	PGresult *table = table_make(columns);
	PGresult **answers = pg_malloc0((PQntuples(rows) + 1) * sizeof(PGresult *));
	PGresult *const *parts;

	plan_steps_ask(source, note_steps, answers);
	parts = plan_steps_ask_parts(source, answers);
	for (int row = 0; row < PQntuples(rows); row++)
	{
		if (answers[row] == NULL)
			continue;
		if (!connection_succeeded(answers[row]))
		{
			tell_uncut(value_of(rows, row, 1), answers[row]);
			*code = EXIT_ERROR;
		}
		add_steps(table, value_of(rows, row, 1), answers[row], &parts);
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
	StepsSource source = {plan, connection, repository};
	ExitCode code = EXIT_DONE;

	connection_expect(connection, plan->rows);
	if (PQntuples(plan->rows) > 0 || print_is_json())
		print_rows(show_steps ? list_steps(&source, &code) : count_steps(&source), NULL);
	else
		message_info("nothing to do: \"%s\" has all changes of %s", environment->name,
					 repository_describe(repository));
	connection_close(connection);
	if (code != EXIT_DONE)
		return code;
	if (exit_code && plan_count(plan, "changed") > 0)
		return EXIT_CHECKSUM;
	if (exit_code && plan_count(plan, "pending") + plan_count(plan, "out of order") +
							 plan_count(plan, "partial") >
						 0)
		return EXIT_PENDING;
	return EXIT_DONE;
}
