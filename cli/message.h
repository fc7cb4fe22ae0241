/*
 * cli/message.h: what we say on standard error
 *
 * Nothing that a database, a file or an argument holds reaches the terminal
 * raw: control characters are shown as \x1B.
 */
#ifndef DBM_CLI_MESSAGE_H
#define DBM_CLI_MESSAGE_H

#include "compat.h"
#include "exit_codes.h"

/* Colours if standard error is a terminal and NO_COLOR does not forbid it. */
extern void message_init(const char *program);

/* Says less (only errors), or tells the SQLSTATE and place of the server's errors too. */
extern void message_set_quiet(void);
extern void message_set_verbose(void);
extern bool message_is_quiet(void);
extern PGVerbosity message_verbosity(void);

extern void message_error(const char *format, ...) pg_attribute_printf(1, 2);
extern void message_detail(const char *format, ...) pg_attribute_printf(1, 2);
extern void message_hint(const char *format, ...) pg_attribute_printf(1, 2);
extern void message_warning(const char *format, ...) pg_attribute_printf(1, 2);

/* A line of information, without a prefix; not said when quiet. */
extern void message_info(const char *format, ...) pg_attribute_printf(1, 2);

/* Says the error, and the hint unless it is NULL, and ends the program. */
DBM_NORETURN extern void message_die(ExitCode code, const char *hint, const char *format, ...)
	pg_attribute_printf(3, 4);

/* The server's error, word for word; returns the exit code that belongs to it. */
extern ExitCode message_server_error(const PGresult *result);

/* For PQsetNoticeReceiver. */
extern void message_notice(void *argument, const PGresult *result);

/* The text with everything that could steer a terminal made visible; in new memory. */
extern char *message_printable(const char *text);

#endif							/* DBM_CLI_MESSAGE_H */
