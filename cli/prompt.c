/*
 * cli/prompt.c: questions to whoever sits at the terminal
 */
#include "postgres_fe.h"

#include <unistd.h>

#include "common/string.h"

#include "message.h"
#include "prompt.h"

static char *ask(const char *choices, const char *format, va_list arguments)
	pg_attribute_printf(2, 0);

static char *
ask(const char *choices, const char *format, va_list arguments)
{
	char *question;
	char *answer;

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		message_die(EXIT_USAGE, "Say --yes where nobody can be asked.",
					"this needs a confirmation, and there is no terminal to ask on");
	if (vasprintf(&question, format, arguments) < 0)
		message_die(EXIT_ERROR, NULL, "out of memory");
	answer = simple_prompt(psprintf("%s %s", message_printable(question), choices), true);
	free(question);
	return answer;
}

bool
prompt_yes(const char *format, ...)
{
	va_list arguments;
	char *answer;
	bool yes;

	va_start(arguments, format);
	answer = ask("(yes/no) ", format, arguments);
	va_end(arguments);
	yes = pg_strcasecmp(answer, "yes") == 0 || pg_strcasecmp(answer, "y") == 0;
	free(answer);
	return yes;
}

bool
prompt_word(const char *word, const char *format, ...)
{
	va_list arguments;
	char *answer;
	bool typed;

	va_start(arguments, format);
	answer = ask("", format, arguments);
	va_end(arguments);
	typed = strcmp(answer, word) == 0;
	free(answer);
	return typed;
}
