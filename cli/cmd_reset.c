/*
 * cli/cmd_reset.c: dbmaestro reset ENVIRONMENT
 */
#include "postgres_fe.h"

#include "commands.h"
#include "message.h"
#include "print.h"
#include "prompt.h"
#include "queries.h"

static char *reason = NULL;
static bool yes = false;

const Option reset_options[] = {
	{OPTION_TEXT, 0, "reason", &reason, "TEXT", "why, for the record"},
	{OPTION_FLAG, 'y', "yes", &yes, NULL, "do not ask"},
	{OPTION_END},
};

/* What must be typed is the name that the database itself has, whatever it is called here. */
static bool
confirm(Connection *connection)
{
	PGresult *standing = connection_expect(connection, queries_standing(connection));
	const char *name = PQgetvalue(standing, 0, 0);
	bool confirmed;

	message_warning("everything in database \"%s\", which is environment \"%s\", will be dropped "
					"except dbmaestro",
					PQdb(connection->pg), name);
	message_info("Changes that are applied there: %s.  They will be pending again.",
				 PQgetvalue(standing, 0, 5));
	confirmed = prompt_word(name, "Type the name of the environment to drop all:");
	if (!confirmed)
		message_info("nothing was dropped");
	PQclear(standing);
	return confirmed;
}

ExitCode
cmd_reset(int count, char **arguments)
{
	const Config *config = config_load();
	Connection *connection = connection_open(config_environment(config, arguments[0]));
	ExitCode code = EXIT_ERROR;

	if (yes || confirm(connection))
	{
		PGresult *result = connection_expect(connection, queries_reset(connection, reason));

		print_rows(result, NULL);
		PQclear(result);
		code = EXIT_DONE;
	}
	connection_close(connection);
	return code;
}
