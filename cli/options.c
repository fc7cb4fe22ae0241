/*
 * cli/options.c: reading the command line by the tables of options
 */
#include "postgres_fe.h"

#include <getopt.h>
#include <unistd.h>

#include "commands.h"
#include "message.h"
#include "options.h"
#include "pqexpbuffer.h"
#include "print.h"

/* What getopt_long returns for an option without a letter: this and its place in the table. */
#define LONG_ONLY 256

bool option_help = false;
bool option_echo = false;
char *option_config = NULL;
OptionList option_set;

static bool quiet = false;
static bool verbose = false;
static char *directory = NULL;
static char *format = "table";

const Option common_options[] = {
	{OPTION_TEXT, 'C', "directory", &directory, "DIR", "work in this directory instead of here"},
	{OPTION_TEXT, 0, "config", &option_config, "FILE",
	 "configuration, instead of dbmaestro.conf here or above", NULL, "DBMAESTRO_CONFIG"},
	{OPTION_LIST, 0, "set", &option_set, "KEY=VALUE",
	 "override a key of the configuration (may be repeated)"},
	{OPTION_CHOICE, 0, "format", &format, "FORMAT",
	 "form of the output: table, json, jsonl (a line for each row), csv, html or markdown",
	 print_formats, "DBMAESTRO_FORMAT"},
	{OPTION_FLAG, 0, "echo", &option_echo, NULL, "show the SQL on standard error"},
	{OPTION_FLAG, 'q', "quiet", &quiet, NULL, "say nothing but errors"},
	{OPTION_FLAG, 'v', "verbose", &verbose, NULL, "tell SQLSTATE and place of errors"},
	{OPTION_FLAG, 'h', "help", &option_help, NULL, "this help"},
	{OPTION_END},
};

/* The options of a command in one row, with what getopt_long wants to know of them. */
typedef struct Parser
{
	const Command *command;
	const Option **options;
	struct option *names;
	int count;
	PQExpBuffer letters;
} Parser;

/* Words that getopt_long is to see as options: all, or those before the first that is none. */
#define MIXED ":"
#define LEADING "+:"

void
options_each(const Option *options, void (*act)(const Option *, void *), void *context)
{
	for (const Option *option = options; option && option->kind != OPTION_END; option++)
	{
		if (option->kind == OPTION_GROUP)
			options_each(option->value, act, context);
		else
			act(option, context);
	}
}

static void
add_option(const Option *option, void *context)
{
	Parser *parser = context;
	int at = parser->count++;

	parser->options = pg_realloc(parser->options, parser->count * sizeof(Option *));
	parser->names = pg_realloc(parser->names, (parser->count + 1) * sizeof(struct option));
	parser->options[at] = option;
	parser->names[at] = (struct option){
		option->name, option->argument ? required_argument : no_argument, NULL, LONG_ONLY + at};
	if (option->letter)
		appendPQExpBuffer(parser->letters, "%c%s", option->letter, option->argument ? ":" : "");
}

static void
make_parser(Parser *parser, const Command *command)
{
	memset(parser, 0, sizeof(*parser));
	parser->command = command;
	parser->letters = createPQExpBuffer();
	appendPQExpBufferStr(parser->letters, command ? MIXED : LEADING);
	if (command)
		options_each(command->options, add_option, parser);
	options_each(common_options, add_option, parser);
	memset(&parser->names[parser->count], 0, sizeof(struct option));
}

static char *
try_help(const Command *command)
{
	return psprintf("Try \"dbmaestro%s%s --help\".", command ? " " : "",
					command ? command->name : "");
}

static char *
list_choices(const Option *option)
{
	PQExpBuffer list = createPQExpBuffer();
	char *text;

	for (const char *const *choice = option->choices; *choice; choice++)
		appendPQExpBuffer(list, "%s%s", choice > option->choices ? ", " : "", *choice);
	text = pg_strdup(list->data);
	destroyPQExpBuffer(list);
	return text;
}

char *
options_describe(const Option *option)
{
	if (option->kind != OPTION_WORDS)
		return pg_strdup(option->help);
	return psprintf("%s: %s (separated by commas)", option->help, list_choices(option));
}

static bool
is_choice(const Option *option, const char *value)
{
	for (const char *const *choice = option->choices; *choice; choice++)
	{
		if (strcmp(*choice, value) == 0)
			return true;
	}
	return false;
}

static void
require_choice(const Option *option, const char *value, const char *source)
{
	if (is_choice(option, value))
		return;
	message_error("invalid value for %s: \"%s\"", source, value);
	message_hint("It is one of: %s.", list_choices(option));
	exit(EXIT_USAGE);
}

/* The words without the blanks around them, each of which must be a choice. */
static char *
require_words(const Option *option, const char *value, const char *source)
{
	PQExpBuffer words = createPQExpBuffer();
	const char *at = value;

	for (;;)
	{
		size_t length = strcspn(at, ",");
		size_t before = strspn(at, " ");
		size_t end = length;
		char *word;

		while (end > before && at[end - 1] == ' ')
			end--;
		word = before < end ? pnstrdup(at + before, end - before) : pg_strdup("");
		require_choice(option, word, source);
		appendPQExpBuffer(words, "%s%s", at > value ? "," : "", word);
		pg_free(word);
		if (at[length] == '\0')
			break;
		at += length + 1;
	}
	return words->data;
}

static void
set_option(const Option *option, char *value, const char *source)
{
	OptionList *list = option->value;

	switch (option->kind)
	{
		case OPTION_FLAG:
			*(bool *) option->value = true;
			break;
		case OPTION_CHOICE:
			require_choice(option, value, source);
			*(char **) option->value = value;
			break;
		case OPTION_WORDS:
			*(char **) option->value = require_words(option, value, source);
			break;
		case OPTION_TEXT:
			*(char **) option->value = value;
			break;
		case OPTION_LIST:
			list->items = pg_realloc(list->items, (list->count + 1) * sizeof(char *));
			list->items[list->count++] = value;
			break;
		case OPTION_GROUP:
		case OPTION_END:
			break;
	}
}

static void
take_variable(const Option *option, void *context)
{
	char *value = option->variable ? getenv(option->variable) : NULL;

	if (value && value[0])
		set_option(option, value, option->variable);
}

static const Option *
find_option(const Parser *parser, int code)
{
	if (code >= LONG_ONLY)
		return parser->options[code - LONG_ONLY];
	for (int at = 0; at < parser->count; at++)
	{
		if (parser->options[at]->letter == code)
			return parser->options[at];
	}
	return NULL;
}

/* What getopt_long has found fault with; it leaves no name for a wrong letter. */
DBM_NORETURN static void
refuse_option(const Parser *parser, int code, char **argv)
{
	const char *fault = code == ':' ? "an argument is missing for" : "invalid option:";

	if (optopt > 0 && optopt < LONG_ONLY)
		message_die(EXIT_USAGE, try_help(parser->command), "%s -%c", fault, optopt);
	message_die(EXIT_USAGE, try_help(parser->command), "%s %s", fault, argv[optind - 1]);
}

/* Common options act at once: the rest of the program finds them done. */
static void
use_common_options(void)
{
	if (quiet)
		message_set_quiet();
	if (verbose)
		message_set_verbose();
	print_set_format(format);
	if (directory && chdir(directory) != 0)
		message_die(EXIT_USAGE, NULL, "could not change to directory \"%s\": %m", directory);
	directory = NULL;
}

static void
require_count(const Command *command, int count)
{
	int least = 0;
	int most = 0;

	commands_count_arguments(command, &least, &most);
	if (count >= least && count <= most)
		return;
	message_error(count < least ? "an argument is missing" : "too many arguments");
	message_hint("Usage: dbmaestro %s%s%s", command->name, command->arguments[0] ? " " : "",
				 command->arguments);
	exit(EXIT_USAGE);
}

/* Sets what is given by options; returns the place of the first word that is none. */
static int
parse(const Command *command, int argc, char **argv)
{
	Parser parser;
	int code;

	make_parser(&parser, command);
	opterr = 0;
	optind = 0;
	while ((code = getopt_long(argc, argv, parser.letters->data, parser.names, NULL)) != -1)
	{
		const Option *option = find_option(&parser, code);

		if (option == NULL)
			refuse_option(&parser, code, argv);
		set_option(option, optarg, psprintf("--%s", option->name));
	}
	destroyPQExpBuffer(parser.letters);
	pg_free(parser.options);
	pg_free(parser.names);
	use_common_options();
	return optind;
}

int
options_parse_leading(int argc, char **argv)
{
	options_each(common_options, take_variable, NULL);
	return parse(NULL, argc, argv);
}

char **
options_parse(const Command *command, int argc, char **argv, int *count)
{
	int first;

	options_each(command->options, take_variable, NULL);
	first = parse(command, argc, argv);
	*count = argc - first;
	if (!option_help)
		require_count(command, *count);
	return argv + first;
}
