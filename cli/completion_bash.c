/*
 * cli/completion_bash.c: the script for bash
 *
 * Names from the repository are never expanded by the shell: compgen -W would
 * run what stands in them, so that the script compares and quotes by itself.
 */
#include "postgres_fe.h"

#include "commands.h"
#include "completion.h"

static const char head[] =
	"# bash completion for dbmaestro, made by \"dbmaestro completion bash\"\n"
	"\n"
	"# _dbmaestro_offer WORD: takes the lines that begin with it, quoted for the shell\n"
	"_dbmaestro_offer()\n"
	"{\n"
	"    local line\n"
	"    while IFS= read -r line; do\n"
	"        [[ $line == \"$1\"* ]] && COMPREPLY+=(\"$(printf %q \"$line\")\")\n"
	"    done\n"
	"}\n"
	"\n"
	"# _dbmaestro_ask WORD KIND: the same for names that dbmaestro knows\n"
	"_dbmaestro_ask()\n"
	"{\n"
	"    _dbmaestro_offer \"$1\" < <(\"${COMP_WORDS[0]}\" \"${source[@]}\" completion \"$2\" "
	"2>/dev/null)\n"
	"}\n"
	"\n"
	"# _dbmaestro_words WORD CANDIDATE...\n"
	"_dbmaestro_words()\n"
	"{\n"
	"    local word=$1\n"
	"    shift\n"
	"    _dbmaestro_offer \"$word\" < <(printf '%s\\n' \"$@\")\n"
	"}\n"
	"\n"
	"_dbmaestro()\n"
	"{\n"
	"    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"    local command= position=0 at source=()\n"
	"    COMPREPLY=()\n"
	"    # bash takes --format=json for three words\n"
	"    if [ \"$word\" = = ]; then\n"
	"        word=\n"
	"    elif [ \"$previous\" = = ]; then\n"
	"        previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"    fi\n"
	"    for ((at = 1; at < COMP_CWORD; at++)); do\n"
	"        case $command:${COMP_WORDS[at]} in\n"
	"            *:-C | *:--directory | *:--config)\n"
	"                source+=(\"${COMP_WORDS[at]}\")\n"
	"                ((at++))\n"
	"                [ \"${COMP_WORDS[at]}\" = = ] && ((at++))\n"
	"                source+=(\"${COMP_WORDS[at]}\")\n"
	"                ;;\n";

static const char middle[] = "                ((at++))\n"
							 "                [ \"${COMP_WORDS[at]}\" = = ] && ((at++))\n"
							 "                ;;\n"
							 "            *:-*) ;;\n"
							 "            *)\n"
							 "                if [ -z \"$command\" ]; then\n"
							 "                    command=${COMP_WORDS[at]}\n"
							 "                else\n"
							 "                    ((position++))\n"
							 "                fi\n"
							 "                ;;\n"
							 "        esac\n"
							 "    done\n"
							 "    case $command:$previous in\n";

static const char tail[] = "    esac\n"
						   "}\n"
						   "\n"
						   "complete -F _dbmaestro dbmaestro\n";

/* What is being listed, and for which command; NULL: for every command. */
typedef struct Listing
{
	const Command *command;
	int count;
} Listing;

/* The command and the option as patterns of a case. */
static void
print_pattern(const Listing *listing, const Option *option)
{
	const char *command = listing->command ? listing->command->name : "*";

	if (option->letter)
		printf("%s:-%c | ", command, option->letter);
	printf("%s:--%s", command, option->name);
}

static void
print_option_with_argument(const Option *option, void *context)
{
	Listing *listing = context;

	if (option->argument == NULL)
		return;
	printf(listing->count++ ? " | \\\n                " : "            ");
	print_pattern(listing, option);
}

/* All options that take an argument, of every command, for the walk over what is typed. */
static void
print_options_with_arguments(void)
{
	Listing listing = {NULL};

	options_each(common_options, print_option_with_argument, &listing);
	for (listing.command = commands; listing.command->name; listing.command++)
		options_each(listing.command->options, print_option_with_argument, &listing);
	printf(")\n");
}

static void
print_action(CompletionSource source, const char *words)
{
	switch (source)
	{
		case COMPLETE_WORDS:
			printf("_dbmaestro_words \"$word\" %s", words);
			break;
		case COMPLETE_ENVIRONMENTS:
			printf("_dbmaestro_ask \"$word\" environments");
			break;
		case COMPLETE_CHANGES:
			printf("_dbmaestro_ask \"$word\" changes");
			break;
		case COMPLETE_FILES:
			printf("compopt -o default");
			break;
		case COMPLETE_FOLDERS:
			printf("compopt -o dirnames");
			break;
		case COMPLETE_TOPICS:
		case COMPLETE_STYLES:
		case COMPLETE_NOTHING:
			printf(":");
			break;
	}
}

static void
print_argument_of_option(const Option *option, void *context)
{
	char *words = NULL;
	CompletionSource source;

	if (option->argument == NULL)
		return;
	source = completion_source_of(option, &words);
	printf("        ");
	print_pattern(context, option);
	printf(") ");
	print_action(source, words);
	printf("; return ;;\n");
}

static void
print_name(const Option *option, void *context)
{
	if (option->letter)
		printf(" -%c", option->letter);
	printf(" --%s", option->name);
}

static void
print_options(const Command *command)
{
	printf("        %s:-*) _dbmaestro_words \"$word\"", command ? command->name : "*");
	if (command)
		options_each(command->options, print_name, NULL);
	options_each(common_options, print_name, NULL);
	printf(" ;;\n");
}

static void
print_arguments(const Command *command)
{
	const char *synopsis = command->arguments;
	CompletionArgument argument;

	for (int at = 0; completion_next_argument(&synopsis, &argument); at++)
	{
		char *words = NULL;
		CompletionSource source = completion_source(argument.word, argument.length, &words);

		if (source == COMPLETE_NOTHING)
			continue;
		/* behind the ones before it, any number */
		if (argument.repeated)
			printf("        %s:*) ", command->name);
		else
			printf("        %s:%d:*) ", command->name, at);
		print_action(source, words);
		printf(" ;;\n");
	}
}

void
completion_print_bash(void)
{
	Listing listing = {NULL};

	fputs(head, stdout);
	print_options_with_arguments();
	fputs(middle, stdout);
	for (listing.command = commands; listing.command->name; listing.command++)
		options_each(listing.command->options, print_argument_of_option, &listing);
	listing.command = NULL;
	options_each(common_options, print_argument_of_option, &listing);
	printf("    esac\n    case $command:$word in\n");
	for (const Command *command = commands; command->name; command++)
		print_options(command);
	print_options(NULL);
	printf("    esac\n    [[ $word == -* ]] && return\n    case $command:$position:$word in\n"
		   "        :*) _dbmaestro_words \"$word\" %s ;;\n",
		   completion_commands());
	for (const Command *command = commands; command->name; command++)
		print_arguments(command);
	fputs(tail, stdout);
}
