/*
 * cli/cmd_plan.c: dbmaestro plan ENVIRONMENT
 */
#include "postgres_fe.h"

#include "commands.h"
#include "message.h"
#include "plan.h"
#include "print.h"

static bool exit_code = false;

const Option plan_options[] = {
	{OPTION_GROUP, .value = (void *) repository_options},
	{OPTION_FLAG, 0, "exit-code", &exit_code, NULL,
	 "end with 3 if something is pending, 9 if something has changed"},
	{OPTION_END},
};

ExitCode
cmd_plan(int count, char **arguments)
{
	const Config *config = config_load();
	const Environment *environment = config_environment(config, arguments[0]);
	Repository *repository = repository_open(config);
	Connection *connection = connection_open(environment);
	Plan *plan = plan_fetch(connection, config, repository, NULL);

	connection_expect(connection, plan->rows);
	if (PQntuples(plan->rows) > 0 || print_is_json())
		print_rows(plan->rows, NULL);
	else
		message_info("nothing to do: \"%s\" has all changes of %s", environment->name,
					 repository_describe(repository));
	connection_close(connection);
	if (exit_code && plan_count(plan, "changed") > 0)
		return EXIT_CHECKSUM;
	if (exit_code && plan_count(plan, "pending") + plan_count(plan, "out of order") > 0)
		return EXIT_PENDING;
	return EXIT_DONE;
}
