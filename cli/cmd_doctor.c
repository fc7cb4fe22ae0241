/*
 * cli/cmd_doctor.c: dbmaestro doctor [ENVIRONMENT]
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "commands.h"
#include "message.h"
#include "print.h"
#include "queries.h"
#include "table.h"

static bool all = false;
static bool strict = false;

const Option doctor_options[] = {
	{OPTION_FLAG, 0, "all", &all, NULL, "show what is well too"},
	{OPTION_FLAG, 0, "strict", &strict, NULL, "take warnings for errors"},
	{OPTION_END},
};

/* Adds what one environment says; returns what is wrong with it. */
static ExitCode
add_findings(PGresult *table, const char *name, const PGresult *findings)
{
	ExitCode code = EXIT_DONE;

	for (int row = 0; row < PQntuples(findings); row++)
	{
		const char *health = PQgetvalue(findings, row, 1);

		if (strcmp(health, "error") == 0 || (strict && strcmp(health, "warning") == 0))
			code = EXIT_ERROR;
		/* a reader wants to know what to do, a script everything */
		if (strcmp(health, "ok") == 0 && !all && print_is_for_people())
			continue;
		table_add(table, name, PQgetvalue(findings, row, 0), health, PQgetvalue(findings, row, 2),
				  PQgetisnull(findings, row, 3) ? NULL : PQgetvalue(findings, row, 3));
	}
	return code;
}

static ExitCode
examine(PGresult *table, const Environment *environment)
{
	ConnectionFault fault;
	Connection *connection = connection_try(environment, &fault);
	PGresult *findings;
	ExitCode code;

	if (connection == NULL)
	{
		table_add(table, environment->name, "connection", "error", fault.message,
				  connection_advise(environment, &fault));
		return fault.code;
	}
	findings = queries_doctor(connection);
	if (connection_succeeded(findings))
		code = add_findings(table, environment->name, findings);
	else
	{
		table_add(table, environment->name, "dbm_doctor", "error",
				  PQresultErrorField(findings, PG_DIAG_MESSAGE_PRIMARY),
				  PQresultErrorField(findings, PG_DIAG_MESSAGE_HINT));
		code = exit_code_of(PQresultErrorField(findings, PG_DIAG_SQLSTATE));
	}
	PQclear(findings);
	connection_close(connection);
	return code;
}

ExitCode
cmd_doctor(int count, char **arguments)
{
	static const TableColumn columns[] = {{"environment", TEXTOID}, {"check_name", TEXTOID},
										  {"health", TEXTOID},		{"finding", TEXTOID},
										  {"advice", TEXTOID},		{NULL, 0}};
	const Config *config = config_load();
	const Environment *wanted = count > 0 ? config_environment(config, arguments[0]) : NULL;
	PGresult *table = table_make(columns);
	ExitCode first = EXIT_DONE;

	for (int at = 0; at < config->environment_count; at++)
	{
		const Environment *environment = &config->environments[at];
		ExitCode code;

		if (wanted && wanted != environment)
			continue;
		code = examine(table, environment);
		if (first == EXIT_DONE)
			first = code;
	}
	if (PQntuples(table) > 0 || !print_is_for_people())
		print_rows(table, NULL);
	else
		message_info("all is well");
	PQclear(table);
	return first;
}
