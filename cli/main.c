/*
 * cli/main.c: dbmaestro COMMAND [ARGUMENTS] [OPTIONS]
 */
#include "postgres_fe.h"

#include <signal.h>

#include "commands.h"
#include "help.h"
#include "message.h"
#include "print.h"

DBM_NORETURN static void
refuse_command(const char *name)
{
	const char *guess = commands_guess(name);

	message_die(EXIT_USAGE,
				guess ? psprintf("Did you mean \"dbmaestro %s\"?", guess)
					  : "Run \"dbmaestro help\" to see all commands.",
				"invalid command: \"%s\"", name);
}

static ExitCode
run_command(const Command *command, int argc, char **argv)
{
	int count;
	char **arguments = options_parse(command, argc, argv, &count);

	if (option_help)
	{
		help_command(command);
		return EXIT_DONE;
	}
	return command->run(count, arguments);
}

static ExitCode
dispatch(int argc, char **argv)
{
	const Command *command;
	int first;

	if (argc >= 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0))
	{
		printf("dbmaestro %s\n", DBM_VERSION);
		return EXIT_DONE;
	}
	first = options_parse_leading(argc, argv);
	/* "dbmaestro --help exit-codes" reads like "dbmaestro help exit-codes" */
	if (option_help)
	{
		option_help = false;
		return run_command(commands_find("help"), argc - first + 1, argv + first - 1);
	}
	if (first == argc)
	{
		help_overview(stderr);
		return EXIT_USAGE;
	}
	command = commands_find(argv[first]);
	if (command == NULL)
		refuse_command(argv[first]);
	return run_command(command, argc - first, argv + first);
}

int
main(int argc, char **argv)
{
	ExitCode code;

	/* a reader that goes away must not end a deployment */
	signal(SIGPIPE, SIG_IGN);
	message_init("dbmaestro");
	code = dispatch(argc, argv);
	if (!print_end() && code == EXIT_DONE)
		code = EXIT_ERROR;
	return code;
}
