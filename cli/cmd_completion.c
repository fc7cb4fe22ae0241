/*
 * cli/cmd_completion.c: dbmaestro completion bash|zsh|environments|changes
 *
 * A script for the shell, made from the tables of commands and options; and
 * the names that such a script asks us for, since only we know them.
 */
#include "postgres_fe.h"

#include "changes.h"
#include "commands.h"
#include "completion.h"
#include "help.h"
#include "message.h"
#include "naming.h"

const Option completion_options[] = {
	{OPTION_GROUP, .value = (void *) repository_options},
	{OPTION_END},
};

/* Words of synopses and options, and what completes them. */
static const struct
{
	const char *word;
	CompletionSource source;
	const char *words;
} sources[] = {
	{"ENVIRONMENT", COMPLETE_ENVIRONMENTS},
	{"FROM", COMPLETE_ENVIRONMENTS},
	{"TO", COMPLETE_ENVIRONMENTS},
	{"CHANGE", COMPLETE_CHANGES},
	{"DIR", COMPLETE_FOLDERS},
	{"FILE", COMPLETE_FILES},
	{"MODE", COMPLETE_WORDS, "off observe enforce"},
	{"SHELL", COMPLETE_WORDS, "bash zsh"},
	{"STYLE", COMPLETE_STYLES},
	{"TOPIC", COMPLETE_TOPICS},
};

char *
completion_join(const char *const *words)
{
	char *list = pg_strdup("");

	for (; *words; words++)
		list = psprintf("%s%s%s", list, list[0] ? " " : "", *words);
	return list;
}

char *
completion_commands(void)
{
	char *list = pg_strdup("");

	for (const Command *command = commands; command->name; command++)
		list = psprintf("%s%s%s", list, list[0] ? " " : "", command->name);
	return list;
}

static char *
list_styles(void)
{
	char *list = naming_list_styles();

	for (char *comma = list; (comma = strchr(comma, ',')) != NULL;)
		memmove(comma, comma + 1, strlen(comma));
	return list;
}

CompletionSource
completion_source(const char *word, int length, char **words)
{
	for (int at = 0; at < lengthof(sources); at++)
	{
		if (strncmp(sources[at].word, word, length) != 0 || sources[at].word[length] != '\0')
			continue;
		*words = sources[at].words ? pg_strdup(sources[at].words) : NULL;
		if (sources[at].source == COMPLETE_TOPICS)
			*words = psprintf("%s %s", completion_commands(), completion_join(help_topics));
		else if (sources[at].source == COMPLETE_STYLES)
			*words = list_styles();
		return *words ? COMPLETE_WORDS : sources[at].source;
	}
	return COMPLETE_NOTHING;
}

/* But for those with a blank, which no shell would take for one word. */
static char *
join_words(const char *const *choices)
{
	char *joined = pg_strdup("");

	for (; *choices; choices++)
	{
		if (strchr(*choices, ' ') == NULL)
			joined = psprintf("%s%s%s", joined, joined[0] ? " " : "", *choices);
	}
	return joined;
}

CompletionSource
completion_source_of(const Option *option, char **words)
{
	if (option->choices == NULL)
		return completion_source(option->argument, strlen(option->argument), words);
	*words = join_words(option->choices);
	return COMPLETE_WORDS;
}

bool
completion_next_argument(const char **synopsis, CompletionArgument *argument)
{
	const char *start = *synopsis + strspn(*synopsis, " ");

	if (*start == '\0')
		return false;
	*synopsis = start + strcspn(start, " ");
	argument->optional = *start == '[';
	argument->word = start + argument->optional;
	argument->length = strcspn(argument->word, " .]");
	argument->repeated = argument->word[argument->length] == '.';
	return true;
}

static void
print_environments(void)
{
	const Config *config = config_load();

	for (int at = 0; at < config->environment_count; at++)
		printf("%s\n", message_printable(config->environments[at].name));
}

static void
print_changes(void)
{
	const Config *config = config_load();
	Changes *changes = changes_read(config, repository_open(config));

	for (int at = 0; at < changes->count; at++)
		printf("%s\n", message_printable(changes->items[at].name));
}

ExitCode
cmd_completion(int count, char **arguments)
{
	static const struct
	{
		const char *name;
		void (*print)(void);
	} shells[] = {
		{"bash", completion_print_bash},
		{"zsh", completion_print_zsh},
		{"environments", print_environments},
		{"changes", print_changes},
	};

	for (int at = 0; at < lengthof(shells); at++)
	{
		if (strcmp(shells[at].name, arguments[0]) == 0)
		{
			shells[at].print();
			return EXIT_DONE;
		}
	}
	message_die(EXIT_USAGE, "It is one of: bash, zsh.", "there is no completion for \"%s\"",
				arguments[0]);
}
