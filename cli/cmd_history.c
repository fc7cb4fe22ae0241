/*
 * cli/cmd_history.c: dbmaestro history ENVIRONMENT
 */
#include "postgres_fe.h"

#include "commands.h"
#include "print.h"
#include "record.h"

static char *outcomes = NULL;

const Option history_options[] = {
	{OPTION_GROUP, .value = (void *) record_options},
	{OPTION_TEXT, 0, "outcome", &outcomes, "OUTCOMES",
	 "that ended so: applied, rolled back, reset, failed (separated by commas)"},
	{OPTION_END},
};

ExitCode
cmd_history(int count, char **arguments)
{
	const Config *config = config_load();
	const Environment *environment = config_environment(config, arguments[0]);
	RecordFilter filter = record_filter(outcomes);
	Connection *connection = connection_open(environment);

	queries_send_history(connection, &filter, !print_is_for_people());
	record_print(connection);
	connection_close(connection);
	return EXIT_DONE;
}
