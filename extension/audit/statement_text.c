/*
 * audit/statement_text.c: what the trail keeps of a statement
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "audit/event.h"
#include "audit/statement_text.h"

/* A comment between the word and its value is looked through so far only. */
#define COMMENT_LIMIT 256

/* Longest word and what may stand before its value, for texts that are cut. */
#define LOOK_AHEAD (32 + COMMENT_LIMIT)

/* Words behind which a value is a secret; longer ones end in one of them. */
static const char *const secret_words[] = {
	"password", "passwd", "passphrase", "secret_key", "access_key", "access_token", "api_key",
};

/* The end of the comment that begins here, or NULL if none does. */
static const char *
skip_comment(const char *at, const char *end)
{
	const char *limit = Min(end, at + COMMENT_LIMIT);
	bool line = end - at > 1 && at[0] == '-' && at[1] == '-';

	if (!line && !(end - at > 1 && at[0] == '/' && at[1] == '*'))
		return NULL;
	for (at += 2; at < limit; at++)
	{
		if (line && *at == '\n')
			return at;
		if (!line && limit - at > 1 && at[0] == '*' && at[1] == '/')
			return at + 2;
	}
	return NULL;
}

/* Does a value follow: PASSWORD 'x', PASSWORD E'x', PASSWORD $$x$$, password=x? */
static bool
begins_value(const char *at, const char *end)
{
	const char *behind;

	do
	{
		while (at < end && strchr(" \t\r\n\f\v", *at))
			at++;
		behind = skip_comment(at, end);
		if (behind)
			at = behind;
	} while (behind);
	if (at < end && strchr("eEuUnN", *at))
		at++;
	if (at < end && *at == '&')
		at++;
	return at < end && (*at == '\'' || *at == '"' || *at == '=' || *at == '$');
}

/* Behind the secret word that begins here and that a value follows, or NULL. */
static const char *
match_word(const char *at, const char *end)
{
	for (int word = 0; word < lengthof(secret_words); word++)
	{
		int length = strlen(secret_words[word]);

		if (end - at > length && pg_strncasecmp(at, secret_words[word], length) == 0 &&
			begins_value(at + length, end))
			return at + length;
	}
	return NULL;
}

/* Behind the user's name in ://user:x@, or NULL; names are not longer than that. */
static const char *
match_uri(const char *at, const char *end)
{
	const char *limit = Min(end, at + COMMENT_LIMIT);
	const char *colon = NULL;

	if (end - at < 3 || memcmp(at, "://", 3) != 0)
		return NULL;
	for (at += 3; at < limit && !strchr(" \t\r\n/'\"", *at); at++)
	{
		if (*at == ':' && colon == NULL)
			colon = at;
		if (*at == '@')
			return colon ? colon + 1 : NULL;
	}
	return NULL;
}

/* Offset of the first secret, or -1. */
static int
find_secret(const char *text, int length)
{
	const char *end = text + length;

	for (const char *at = text; at < end; at++)
	{
		const char *secret = NULL;

		if (*at == ':')
			secret = match_uri(at, end);
		else if (strchr("pPsSaA", *at))
			secret = match_word(at, end);
		if (secret)
			return secret - text;
	}
	return -1;
}

char *
dbm_statement_text(const char *text, int length, bool *secret)
{
	int kept = pg_mbcliplen(text, length, DBM_AUDIT_TEXT_LIMIT);
	int hidden = find_secret(text, Min(length, kept + LOOK_AHEAD));

	*secret = hidden >= 0 || (kept < length && find_secret(text, length) >= 0);
	if (hidden >= 0 && hidden < kept)
		return psprintf("%.*s <hidden>", hidden, text);
	return pnstrdup(text, kept);
}
