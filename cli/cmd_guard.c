/*
 * cli/cmd_guard.c: dbmaestro guard ENVIRONMENT [MODE]
 */
#include "postgres_fe.h"

#include "commands.h"
#include "message.h"
#include "print.h"
#include "queries.h"

static bool no_preload = false;

const Option guard_options[] = {
	{OPTION_FLAG, 0, "no-preload", &no_preload, NULL,
	 "leave session_preload_libraries of the database alone"},
	{OPTION_END},
};

static void
require_mode(const char *mode)
{
	if (strcmp(mode, "off") != 0 && strcmp(mode, "observe") != 0 && strcmp(mode, "enforce") != 0)
		message_die(EXIT_USAGE, "It is one of: off, observe, enforce.", "invalid mode: \"%s\"",
					mode);
}

ExitCode
cmd_guard(int count, char **arguments)
{
	const Config *config = config_load();
	Connection *connection;
	PGresult *standing;

	if (count > 1)
		require_mode(arguments[1]);
	connection = connection_open(config_environment(config, arguments[0]));
	if (count > 1)
		PQclear(
			connection_expect(connection, queries_guard(connection, arguments[1], !no_preload)));
	standing = connection_expect(connection, queries_standing(connection));
	print_rows(standing, NULL);
	PQclear(standing);
	connection_close(connection);
	return EXIT_DONE;
}
