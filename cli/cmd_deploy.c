/*
 * cli/cmd_deploy.c: dbmaestro deploy ENVIRONMENT
 */
#include "postgres_fe.h"

#include "commands.h"
#include "delivery.h"

const Option deploy_options[] = {
	{OPTION_GROUP, .value = (void *) repository_options},
	{OPTION_GROUP, .value = (void *) delivery_options},
	{OPTION_END},
};

ExitCode
cmd_deploy(int count, char **arguments)
{
	const Config *config = config_load();
	const Environment *environment = config_environment(config, arguments[0]);
	Delivery delivery = {.config = config,
						 .repository = repository_open(config),
						 .connection = connection_open(environment),
						 .again = psprintf("deploy %s", environment->name)};
	ExitCode code = delivery_run(&delivery);

	connection_close(delivery.connection);
	return code;
}
