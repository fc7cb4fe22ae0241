/*
 * cli/cmd_init.c: dbmaestro init [ENVIRONMENT]
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "commands.h"
#include "connection.h"
#include "message.h"
#include "naming.h"
#include "print.h"
#include "queries.h"
#include "skeleton.h"
#include "table.h"

static char *style = NULL;

const Option init_options[] = {
	{OPTION_TEXT, 0, "style", &style, "STYLE",
	 "naming convention of a new repository (see help configuration)"},
	{OPTION_END},
};

static const TableColumn columns[] = {{"subject", TEXTOID}, {"outcome", TEXTOID}, {NULL, 0}};

/* What is being set up, and how far it has come. */
typedef struct Setup
{
	const Config *config;
	const Environment *environment;
	Connection *connection;
	PGresult *table;
	ExitCode code;				/* EXIT_DONE as long as all goes well */
} Setup;

/* Takes the result of a step; a refusal ends the setting up. */
static bool
succeed(Setup *setup, PGresult *result)
{
	if (!connection_succeeded(result))
		setup->code = message_server_error(result);
	PQclear(result);
	return setup->code == EXIT_DONE;
}

/* The same for a question with the answer yes or no. */
static bool
ask_yes(Setup *setup, PGresult *result)
{
	bool yes = connection_succeeded(result) && PQgetvalue(result, 0, 0)[0] == 't';

	if (!connection_succeeded(result))
		setup->code = message_server_error(result);
	PQclear(result);
	return yes;
}

static void
set_up_extension(Setup *setup)
{
	ConnectionFault fault;
	bool exists = ask_yes(setup, queries_extension_exists(setup->connection));

	if (setup->code != EXIT_DONE)
		return;
	if (!exists && !succeed(setup, queries_create_extension(setup->connection)))
		return;
	if (!queries_locate(setup->connection, &fault))
		message_die(fault.code, fault.hint, "environment \"%s\": %s", setup->environment->name,
					fault.message);
	table_add(setup->table, "extension", exists ? "left alone" : "created");
}

/* The names of files must be names to the server too. */
static void
set_up_names(Setup *setup)
{
	const char *usual = naming_style(NULL)->pattern;
	const char *pattern = setup->config->pattern ? setup->config->pattern : ".";

	if (strcmp(pattern, usual) == 0)
		return;
	if (succeed(setup, queries_configure(setup->connection, "change_name_pattern", pattern)))
		table_add(setup->table, "change_name_pattern", psprintf("set to %s", pattern));
}

/* Compares a setting of the environment with the configuration; what is there stays. */
static void
compare_setting(Setup *setup, const char *setting, const char *there, const char *wanted)
{
	if (wanted == NULL || (there && strcmp(there, wanted) == 0))
		return;
	message_error("%s of environment \"%s\" is %s there, and \"%s\" in \"%s\"", setting,
				  setup->environment->name, there ? psprintf("\"%s\"", there) : "not set", wanted,
				  setup->config->file);
	message_hint("Correct the file, or run there: SELECT dbm_configure('%s', '%s');", setting,
				 wanted);
	setup->code = EXIT_ERROR;
}

static const char *
value_of(const PGresult *row, int column)
{
	return PQgetisnull(row, 0, column) ? NULL : PQgetvalue(row, 0, column);
}

static void
compare_environment(Setup *setup, const PGresult *row)
{
	const Environment *environment = setup->environment;

	if (strcmp(value_of(row, 0), environment->name) != 0)
	{
		message_error("database \"%s\" is environment \"%s\", not \"%s\"",
					  PQdb(setup->connection->pg), value_of(row, 0), environment->name);
		message_hint("Give [environment \"%s\"] in \"%s\" a database of its own.",
					 environment->name, setup->config->file);
		setup->code = EXIT_IDENTITY;
		return;
	}
	table_add(setup->table, psprintf("environment %s", environment->name), "left alone");
	compare_setting(setup, "follows", value_of(row, 1), environment->follows);
	compare_setting(setup, "run_as", value_of(row, 2), environment->run_as);
}

static void
set_up_environment(Setup *setup)
{
	const Environment *environment = setup->environment;
	PGresult *row = queries_environment(setup->connection);

	if (!connection_succeeded(row))
		setup->code = message_server_error(row);
	else if (value_of(row, 0))
		compare_environment(setup, row);
	else if (succeed(setup, queries_init(setup->connection, environment->name, environment->follows,
										 environment->run_as)))
	{
		table_add(setup->table, psprintf("environment %s", environment->name), "created");
		set_up_names(setup);
	}
	PQclear(row);
}

static void
set_up_grants(Setup *setup)
{
	const char *rest = setup->environment->grants ? setup->environment->grants : "";
	char *capability;
	char *role;

	while (setup->code == EXIT_DONE && config_next_grant(&rest, &capability, &role))
	{
		bool granted = ask_yes(setup, queries_is_granted(setup->connection, capability, role));

		if (setup->code != EXIT_DONE)
			return;
		if (granted || succeed(setup, queries_grant(setup->connection, capability, role)))
			table_add(setup->table, psprintf("%s for %s", capability, role),
					  granted ? "left alone" : "granted");
	}
}

static ExitCode
prepare_database(const char *name, PGresult *table)
{
	static void (*const steps[])(Setup *) = {set_up_extension, set_up_environment, set_up_grants};
	Setup setup = {.config = config_load(), .table = table};

	setup.environment = config_environment(setup.config, name);
	setup.connection = connection_open_bare(setup.environment);
	for (int at = 0; at < lengthof(steps) && setup.code == EXIT_DONE; at++)
		steps[at](&setup);
	if (connection_is_lost(setup.connection))
		setup.code = EXIT_INTERRUPTED;
	connection_close(setup.connection);
	return setup.code;
}

ExitCode
cmd_init(int count, char **arguments)
{
	PGresult *table = table_make(columns);
	ExitCode code = EXIT_DONE;

	if (count > 0 && style)
		message_die(EXIT_USAGE, "The style of a repository is naming.style of its dbmaestro.conf.",
					"--style cannot be used with an environment");
	if (style && naming_style(style) == NULL)
		message_die(EXIT_USAGE, psprintf("It is one of: %s.", naming_list_styles()),
					"invalid value for --style: \"%s\"", style);
	if (count > 0)
		code = prepare_database(arguments[0], table);
	else
		skeleton_write(style, table);
	print_rows(table, NULL);
	PQclear(table);
	return code;
}
