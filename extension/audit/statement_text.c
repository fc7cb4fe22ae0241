/*
 * audit/statement_text.c: what the trail keeps of a statement
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "audit/event.h"
#include "audit/statement_text.h"

#define SECRET_WORD "password"

/* Does a value follow: PASSWORD 'x', PASSWORD E'x', PASSWORD $$x$$, password=x? */
static bool
begins_value(const char *at, const char *end)
{
	while (at < end && strchr(" \t\r\n\f\v", *at))
		at++;
	if (at < end && strchr("eEuUnN", *at))
		at++;
	if (at < end && *at == '&')
		at++;
	return at < end && (*at == '\'' || *at == '"' || *at == '=' || *at == '$');
}

/* Offset behind the first PASSWORD that a value follows, or -1. */
static int
find_secret(const char *text, int length)
{
	const int word = strlen(SECRET_WORD);

	for (int at = 0; at + word < length; at++)
	{
		if ((text[at] == 'p' || text[at] == 'P') &&
			pg_strncasecmp(text + at, SECRET_WORD, word) == 0 &&
			begins_value(text + at + word, text + length))
			return at + word;
	}
	return -1;
}

char *
dbm_statement_text(const char *text, int length, bool *secret)
{
	int kept = pg_mbcliplen(text, length, DBM_AUDIT_TEXT_LIMIT);
	int hidden = find_secret(text, Min(length, kept + (int) strlen(SECRET_WORD) + 8));

	*secret = hidden >= 0 || (kept < length && find_secret(text, length) >= 0);
	if (hidden >= 0 && hidden < kept)
		return psprintf("%.*s <hidden>", hidden, text);
	return pnstrdup(text, kept);
}
