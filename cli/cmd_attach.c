/*
 * cli/cmd_attach.c: dbmaestro attach ENVIRONMENT --reason TEXT
 */
#include "postgres_fe.h"

#include "commands.h"
#include "message.h"
#include "print.h"
#include "queries.h"

static char *reason = NULL;

const Option attach_options[] = {
	{OPTION_TEXT, 0, "reason", &reason, "TEXT", "why, for the record (required)"},
	{OPTION_END},
};

ExitCode
cmd_attach(int count, char **arguments)
{
	const Config *config = config_load();
	const Environment *environment = config_environment(config, arguments[0]);
	Connection *connection;
	PGresult *standing;

	if (reason == NULL || reason[0] == '\0')
		message_die(EXIT_USAGE, "Say --reason 'failover of 22 November'.", "the reason is missing");
	connection = connection_open(environment);
	PQclear(connection_expect(connection, queries_attach(connection, reason, environment->name)));
	standing = connection_expect(connection, queries_standing(connection));
	print_rows(standing, NULL);
	PQclear(standing);
	connection_close(connection);
	return EXIT_DONE;
}
