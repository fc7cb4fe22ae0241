/*
 * cli/progress.c: one line on standard error that says how far we are
 */
#include "postgres_fe.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "mb/pg_wchar.h"

#include "message.h"
#include "progress.h"

static bool shown = false;

static int
terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

/* How many bytes of the text fit into so many columns. */
static int
fitting_length(const char *text, int width)
{
	const unsigned char *at = (const unsigned char *) text;

	while (*at)
	{
		int needed = PQdsplen((const char *) at, PG_UTF8);

		if (needed > width)
			break;
		width -= needed > 0 ? needed : 0;
		at += pg_utf_mblen(at);
	}
	return (const char *) at - text;
}

void
progress_show(int done, int total, const char *what)
{
	char *text;
	char *printable;

	if (!isatty(STDERR_FILENO) || message_is_quiet())
		return;
	text = psprintf("%d/%d %s", done, total, what);
	printable = message_printable(text);
	progress_clear();
	fprintf(stderr, "%.*s", fitting_length(printable, terminal_width() - 1), printable);
	fflush(stderr);
	shown = true;
	pg_free(printable);
	pg_free(text);
}

void
progress_clear(void)
{
	if (!shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	shown = false;
}
