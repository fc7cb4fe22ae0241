/*
 * cli/message.c: what we say on standard error
 */
#include "postgres_fe.h"

#include <unistd.h>

#include "common/logging.h"
#include "mb/pg_wchar.h"
#include "pqexpbuffer.h"

#include "message.h"
#include "progress.h"

static bool quiet = false;
static PGVerbosity verbosity = PQERRORS_DEFAULT;

void
message_init(const char *program)
{
	const char *no_color = getenv("NO_COLOR");

	/* logging.c asks PG_COLOR, and itself whether standard error is a terminal */
	if (no_color && no_color[0])
		setenv("PG_COLOR", "never", 1);
	else
		setenv("PG_COLOR", "auto", 0);
	pg_logging_init(program);
}

void
message_set_quiet(void)
{
	quiet = true;
}

void
message_set_verbose(void)
{
	verbosity = PQERRORS_VERBOSE;
}

bool
message_is_quiet(void)
{
	return quiet;
}

PGVerbosity
message_verbosity(void)
{
	return verbosity;
}

/*
 * Does this character steer a terminal?  The C1 controls are sequences of two
 * bytes in UTF-8 that some terminals obey; the marks of direction let a line
 * show something else than it says.
 */
static bool
is_steering(pg_wchar c)
{
	if (c == '\n' || c == '\t')
		return false;
	return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200E && c <= 0x200F) ||
		   (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

char *
message_printable(const char *text)
{
	PQExpBuffer buffer = createPQExpBuffer();
	const unsigned char *at = (const unsigned char *) text;
	const unsigned char *end = at + strlen(text);
	char *printable;

	while (at < end)
	{
		int length = pg_utf_mblen(at);

		if (length > end - at || !pg_utf8_islegal(at, length))
		{
			appendPQExpBuffer(buffer, "\\x%02X", *at);
			length = 1;
		}
		else if (is_steering(utf8_to_unicode(at)))
			appendPQExpBuffer(buffer, length == 1 ? "\\x%02X" : "\\u%04X", utf8_to_unicode(at));
		else
			appendBinaryPQExpBuffer(buffer, (const char *) at, length);
		at += length;
	}
	printable = pg_strdup(buffer->data);
	destroyPQExpBuffer(buffer);
	return printable;
}

/* The formatted text, fit for a terminal. */
static char *format_message(const char *format, va_list arguments) pg_attribute_printf(1, 0);

static char *
format_message(const char *format, va_list arguments)
{
	char *text;
	char *printable;

	if (vasprintf(&text, format, arguments) < 0)
		pg_fatal("out of memory");
	printable = message_printable(text);
	free(text);
	return printable;
}

static void say(enum pg_log_level level, enum pg_log_part part, const char *format,
				va_list arguments) pg_attribute_printf(3, 0);

static void
say(enum pg_log_level level, enum pg_log_part part, const char *format, va_list arguments)
{
	char *text = format_message(format, arguments);

	progress_clear();
	pg_log_generic(level, part, "%s", text);
	pg_free(text);
}

void
message_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(PG_LOG_ERROR, PG_LOG_PRIMARY, format, arguments);
	va_end(arguments);
}

void
message_detail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(PG_LOG_ERROR, PG_LOG_DETAIL, format, arguments);
	va_end(arguments);
}

void
message_hint(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(PG_LOG_ERROR, PG_LOG_HINT, format, arguments);
	va_end(arguments);
}

void
message_warning(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(PG_LOG_WARNING, PG_LOG_PRIMARY, format, arguments);
	va_end(arguments);
}

void
message_info(const char *format, ...)
{
	va_list arguments;
	char *text;

	if (quiet)
		return;
	va_start(arguments, format);
	text = format_message(format, arguments);
	va_end(arguments);
	progress_clear();
	fprintf(stderr, "%s\n", text);
	pg_free(text);
}

void
message_die(ExitCode code, const char *hint, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(PG_LOG_ERROR, PG_LOG_PRIMARY, format, arguments);
	va_end(arguments);
	if (hint)
		message_hint("%s", hint);
	exit(code);
}

static void
print_verbatim(const char *text)
{
	char *printable = message_printable(text);

	progress_clear();
	fputs(printable, stderr);
	pg_free(printable);
}

ExitCode
message_server_error(const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	print_verbatim(PQresultErrorMessage(result));
	return exit_code_of(sqlstate);
}

void
message_notice(void *argument, const PGresult *result)
{
	if (!quiet)
		print_verbatim(PQresultErrorMessage(result));
}
