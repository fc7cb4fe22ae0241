/*
 * cli/cmd_promote.c: dbmaestro promote FROM TO
 *
 * What FROM has goes to TO beside the changes.  Whether TO follows FROM, and
 * which changes it takes, TO says.
 */
#include "postgres_fe.h"

#include "commands.h"
#include "delivery.h"
#include "message.h"

const Option promote_options[] = {
	{OPTION_GROUP, .value = (void *) repository_options},
	{OPTION_GROUP, .value = (void *) delivery_options},
	{OPTION_END},
};

ExitCode
cmd_promote(int count, char **arguments)
{
	const Config *config = config_load();
	const Environment *from = config_environment(config, arguments[0]);
	const Environment *to = config_environment(config, arguments[1]);
	Delivery delivery;
	ExitCode code;

	if (from == to)
		message_die(EXIT_USAGE,
					"Name the environment before it, or run: dbmaestro deploy ENVIRONMENT",
					"environment \"%s\" cannot be promoted to itself", to->name);
	delivery = (Delivery) {.config = config,
						  .repository = repository_open(config),
						  .again = psprintf("promote %s %s", from->name, to->name)};
	delivery_follow(&delivery, from);
	delivery.connection = connection_open(to);
	code = delivery_run(&delivery);
	connection_close(delivery.connection);
	return code;
}
