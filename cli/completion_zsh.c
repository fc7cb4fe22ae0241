/*
 * cli/completion_zsh.c: the script for zsh
 */
#include "postgres_fe.h"

#include "commands.h"
#include "completion.h"

static const char head[] =
	"#compdef dbmaestro\n"
	"# zsh completion for dbmaestro, made by \"dbmaestro completion zsh\"\n"
	"\n"
	"# _dbmaestro_ask KIND: names that dbmaestro knows\n"
	"_dbmaestro_ask()\n"
	"{\n"
	"    local -a names\n"
	"    names=(\"${(@f)$($dbmaestro_program completion $1 2>/dev/null)}\")\n"
	"    compadd -- $names\n"
	"}\n"
	"\n"
	"_dbmaestro_environments() { _dbmaestro_ask environments }\n"
	"_dbmaestro_changes() { _dbmaestro_ask changes }\n"
	"\n";

/* Text inside single quotes and brackets of a specification. */
static void
print_text(const char *text)
{
	for (; *text; text++)
	{
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			printf("%s%c", strchr("[]:\\", *text) ? "\\" : "", *text);
	}
}

static void
print_source(CompletionSource source, const char *words)
{
	switch (source)
	{
		case COMPLETE_WORDS:
			printf("(%s)", words);
			break;
		case COMPLETE_ENVIRONMENTS:
			printf("_dbmaestro_environments");
			break;
		case COMPLETE_CHANGES:
			printf("_dbmaestro_changes");
			break;
		case COMPLETE_FILES:
			printf("_files");
			break;
		case COMPLETE_FOLDERS:
			printf("_files -/");
			break;
		case COMPLETE_TOPICS:
		case COMPLETE_STYLES:
		case COMPLETE_NOTHING:
			printf(" ");
			break;
	}
}

/* One specification of _arguments: '(-n --dry-run)'{-n,--dry-run}'[help]'. */
static void
print_option(const Option *option, void *context)
{
	char *words = NULL;

	printf("        ");
	if (option->kind == OPTION_LIST)
		printf("'*'");
	else if (option->letter)
		printf("'(-%c --%s)'", option->letter, option->name);
	if (option->letter)
		printf("{-%c%s,--%s%s}'[", option->letter, option->argument ? "+" : "", option->name,
			   option->argument ? "=" : "");
	else
		printf("'--%s%s[", option->name, option->argument ? "=" : "");
	print_text(option->help);
	printf("]");
	if (option->argument)
	{
		CompletionSource source = completion_source_of(option, &words);

		printf(":%s:", option->argument);
		print_source(source, words);
	}
	printf("'\n");
}

static void
print_arguments(const Command *command)
{
	const char *synopsis = command->arguments;
	CompletionArgument argument;

	for (int at = 1; completion_next_argument(&synopsis, &argument); at++)
	{
		char *words = NULL;
		CompletionSource source = completion_source(argument.word, argument.length, &words);
		char *place = argument.repeated ? pg_strdup("*") : psprintf("%d", at);

		printf("        '%s:%s%.*s:", place, argument.optional && !argument.repeated ? ":" : "",
			   argument.length, argument.word);
		print_source(source, words);
		printf("'\n");
	}
}

static void
print_command(const Command *command)
{
	printf("    (%s)\n        specifications+=(\n", command->name);
	options_each(command->options, print_option, NULL);
	print_arguments(command);
	printf("        )\n        ;;\n");
}

void
completion_print_zsh(void)
{
	fputs(head, stdout);
	printf("_dbmaestro()\n{\n    local state line option\n"
		   "    typeset -A opt_args\n"
		   "    local -a specifications common commands dbmaestro_program\n"
		   "    dbmaestro_program=(${(Q)words[1]})\n"
		   "    common=(\n");
	options_each(common_options, print_option, NULL);
	printf("    )\n    commands=(\n");
	for (const Command *command = commands; command->name; command++)
	{
		printf("        '%s:", command->name);
		print_text(command->summary);
		printf("'\n");
	}
	printf("    )\n"
		   "    _arguments -C $common '1:command:->command' '*::argument:->argument' && return\n"
		   "    for option in -C --directory --config; do\n"
		   "        (( $+opt_args[$option] )) && "
		   "dbmaestro_program+=($option ${(Q)opt_args[$option]})\n"
		   "    done\n"
		   "    if [[ $state == command ]]; then\n"
		   "        _describe -t commands command commands\n"
		   "        return\n"
		   "    fi\n"
		   "    specifications=($common)\n"
		   "    case $words[1] in\n");
	for (const Command *command = commands; command->name; command++)
		print_command(command);
	printf("    esac\n    _arguments $specifications\n}\n\n"
		   "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
		   "    _dbmaestro \"$@\"\n"
		   "else\n"
		   "    compdef _dbmaestro dbmaestro\n"
		   "fi\n");
}
