/*
 * cli/prompt.c: questions to whoever sits at the terminal
 */
#include "postgres_fe.h"

#include <unistd.h>

#include "common/string.h"

#include "message.h"
#include "prompt.h"

bool
prompt_yes(const char *format, ...)
{
	va_list arguments;
	char *question;
	char *answer;
	bool yes;

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		message_die(EXIT_USAGE, "Say --yes where nobody can be asked.",
					"this needs a confirmation, and there is no terminal to ask on");
	va_start(arguments, format);
	if (vasprintf(&question, format, arguments) < 0)
		message_die(EXIT_ERROR, NULL, "out of memory");
	va_end(arguments);
	answer = simple_prompt(psprintf("%s (yes/no) ", message_printable(question)), true);
	yes = pg_strcasecmp(answer, "yes") == 0 || pg_strcasecmp(answer, "y") == 0;
	free(question);
	free(answer);
	return yes;
}
