/*
 * cli/help.c: help, from the tables of commands, options and keys
 */
#include "postgres_fe.h"

#include "commands.h"
#include "config.h"
#include "exit_codes.h"
#include "help.h"
#include "manual.h"
#include "message.h"

#define HELP_WIDTH 78
#define OPTION_INDENT 26

/* Prints text from the given column on, broken at blanks. */
static void
print_wrapped(FILE *stream, const char *text, int indent)
{
	int column = indent;

	while (*text)
	{
		int blanks = strspn(text, " ");
		int length = strcspn(text + blanks, " ");

		if (length == 0)
			break;
		if (column > indent && column + blanks + length > HELP_WIDTH)
		{
			fprintf(stream, "\n%*s", indent, "");
			column = indent;
			text += blanks;
			blanks = 0;
		}
		fprintf(stream, "%.*s", blanks + length, text);
		column += blanks + length;
		text += blanks + length;
	}
	fputc('\n', stream);
}

static void
print_option(const Option *option, void *stream)
{
	char *name = psprintf("  %s--%s%s%s",
						  option->letter ? psprintf("-%c, ", option->letter) : "    ", option->name,
						  option->argument ? " " : "", option->argument ? option->argument : "");
	char *help = options_describe(option);

	if (option->variable)
		help = psprintf("%s [%s]", help, option->variable);
	fprintf(stream, "%-*s", OPTION_INDENT, name);
	if (strlen(name) >= OPTION_INDENT)
		fprintf(stream, "\n%*s", OPTION_INDENT, "");
	print_wrapped(stream, help, OPTION_INDENT);
}

void
help_overview(FILE *stream)
{
	fprintf(stream, "dbmaestro deploys database changes from Git through every environment.\n\n"
					"Usage: dbmaestro COMMAND [ENVIRONMENT] [OPTIONS]\n");
	for (int group = 0; group <= GROUP_HELP; group++)
	{
		fprintf(stream, "\n%s:\n", command_groups[group]);
		for (const Command *command = commands; command->name; command++)
		{
			if (command->group == group)
				fprintf(stream, "  %-12s %s\n", command->name, command->summary);
		}
	}
	fprintf(stream, "\nOptions of every command:\n");
	options_each(common_options, print_option, stream);
	fprintf(stream, "  -V, --version           the version of this program, without a command\n");
	fprintf(stream, "\nTo begin: dbmaestro init, dbmaestro new SLUG, git commit,\n"
					"          dbmaestro init dev, dbmaestro deploy dev\n");
	fprintf(stream, "More: dbmaestro COMMAND --help, dbmaestro help exit-codes,"
					" dbmaestro help configuration\n");
}

void
help_command(const Command *command)
{
	printf("Usage: dbmaestro %s%s%s [OPTIONS]\n\n", command->name, command->arguments[0] ? " " : "",
		   command->arguments);
	print_wrapped(stdout, command->description, 0);
	if (command->options)
	{
		printf("\nOptions:\n");
		options_each(command->options, print_option, stdout);
	}
	printf("\nOptions of every command:\n");
	options_each(common_options, print_option, stdout);
}

const char *const help_topics[] = {"exit-codes", "configuration", "manual", NULL};
static void (*const print_topic[])(void) = {exit_codes_print, config_print_keys, manual_print};

ExitCode
cmd_help(int count, char **arguments)
{
	const Command *command;

	if (count == 0)
	{
		help_overview(stdout);
		return EXIT_DONE;
	}
	for (int at = 0; help_topics[at]; at++)
	{
		if (strcmp(arguments[0], help_topics[at]) == 0)
		{
			print_topic[at]();
			return EXIT_DONE;
		}
	}
	command = commands_find(arguments[0]);
	if (command == NULL)
		message_die(EXIT_USAGE, "Run \"dbmaestro help\" to see all commands.",
					"there is no help on \"%s\"", arguments[0]);
	help_command(command);
	return EXIT_DONE;
}
