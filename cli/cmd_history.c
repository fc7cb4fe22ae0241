/*
 * cli/cmd_history.c: dbmaestro history ENVIRONMENT
 */
#include "postgres_fe.h"

#include "commands.h"
#include "print.h"
#include "record.h"

static char *outcomes = NULL;

/* Those that a run may have (run_outcome_check). */
static const char *const known_outcomes[] = {"running",     "applied",     "adopted",
											 "rolled back", "reset",       "failed",
											 "partial",     "interrupted", NULL};

const Option history_options[] = {
	{OPTION_GROUP, .value = (void *) record_options},
	{OPTION_WORDS, 0, "outcome", &outcomes, "OUTCOMES", "with these outcomes", known_outcomes},
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
