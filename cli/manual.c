/*
 * cli/manual.c: the manual page, from the tables of commands, options and keys
 */
#include "postgres_fe.h"

#include "commands.h"
#include "config.h"
#include "manual.h"

/* Text that means nothing to roff. */
static void
print_text(const char *text)
{
	/* a line that begins with one of these would be a request */
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++)
	{
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == '\'')
			fputs("\\(aq", stdout);
		else if (*text == '~' || *text == '^')
			fputs(*text == '~' ? "\\(ti" : "\\(ha", stdout);
		else
			fputc(*text, stdout);
	}
}

/* A sentence on a line of its own, as roff wants it. */
static void
print_sentences(const char *text)
{
	const char *end;

	while ((end = strstr(text, ".  ")) != NULL)
	{
		print_text(pnstrdup(text, end - text + 1));
		fputc('\n', stdout);
		text = end + 3;
	}
	print_text(text);
	fputc('\n', stdout);
}

static void
print_bold(const char *before, const char *text)
{
	printf("%s\\fB", before);
	print_text(text);
	fputs("\\fR", stdout);
}

static void
print_option(const Option *option, void *context)
{
	puts(".TP");
	if (option->letter)
		print_bold("", psprintf("-%c", option->letter));
	print_bold(option->letter ? ", " : "", psprintf("--%s", option->name));
	if (option->argument)
		printf(" \\fI%s\\fR", option->argument);
	fputc('\n', stdout);
	print_text(options_describe(option));
	if (option->variable)
	{
		print_bold(" (", option->variable);
		fputc(')', stdout);
	}
	fputc('\n', stdout);
}

static void
print_command(const Command *command)
{
	puts(".TP");
	print_bold("", command->name);
	if (command->arguments[0])
		printf(" \\fI%s\\fR", command->arguments);
	fputc('\n', stdout);
	print_sentences(command->description);
	if (command->options == NULL)
		return;
	puts(".RS");
	options_each(command->options, print_option, NULL);
	puts(".RE");
}

static void
print_commands(void)
{
	for (int group = 0; group <= GROUP_HELP; group++)
	{
		printf(".SS \"%s\"\n", command_groups[group]);
		for (const Command *command = commands; command->name; command++)
		{
			if (command->group == group)
				print_command(command);
		}
	}
}

static void
print_key(void *context, const char *key, const char *help)
{
	puts(".TP");
	print_bold("", key);
	fputc('\n', stdout);
	print_sentences(help);
}

static void
print_exit_codes(void)
{
	const char *meaning;

	for (int code = 0; (meaning = exit_code_meaning(code)) != NULL; code++)
	{
		printf(".TP\n\\fB%d\\fR\n", code);
		print_text(meaning);
		if (exit_code_next_step(code))
		{
			fputs(": ", stdout);
			print_text(exit_code_next_step(code));
		}
		fputc('\n', stdout);
	}
}

void
manual_print(void)
{
	printf(".TH DBMAESTRO 1 \"\" \"dbmaestro %s\" \"dbmaestro\"\n", DBM_VERSION);
	puts(".nh\n.ad l\n.SH NAME\n"
		 "dbmaestro \\- deploy database changes from Git through every environment\n"
		 ".SH SYNOPSIS\n"
		 "\\fBdbmaestro\\fR \\fICOMMAND\\fR [\\fIENVIRONMENT\\fR] [\\fIOPTIONS\\fR]\n"
		 ".SH DESCRIPTION\n"
		 "Reads the scripts of a commit, asks the databases what of them is pending, and has them\n"
		 "applied.\n"
		 "Whether a change may be applied, the database decides.\n"
		 ".SH COMMANDS");
	print_commands();
	puts(".SH OPTIONS\n"
		 "Every command takes these, before or behind its name.");
	options_each(common_options, print_option, NULL);
	puts(".SH CONFIGURATION\n"
		 "\\fBdbmaestro.conf\\fR, here or in a directory above, in the syntax of\n"
		 "\\fBgit\\-config\\fR(1).\n"
		 "The environment variable of a key bears its name, as in\n"
		 "\\fBDBMAESTRO_ENVIRONMENT_PROD_CONNINFO\\fR; an option has precedence over a variable,\n"
		 "a variable over the file.");
	config_each_key(print_key, NULL);
	puts(".SH ENVIRONMENT\n"
		 "The variables of \\fBlibpq\\fR (\\fBPGPASSWORD\\fR, \\fBPGPASSFILE\\fR,\n"
		 "\\fBPGSERVICEFILE\\fR, ...) count where the configuration leaves something open.\n"
		 "With \\fBNO_COLOR\\fR there are no colours.\n"
		 ".SH EXIT STATUS");
	print_exit_codes();
	puts(".SH SEE ALSO\n"
		 "\\fBpsql\\fR(1), \\fBgit\\-config\\fR(1)");
}
