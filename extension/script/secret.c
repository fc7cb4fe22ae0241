/*
 * script/secret.c: finding passwords by the tokens around them
 *
 * By tokens and not by parse tree, because the same words are looked for in the
 * bodies of functions and DO blocks, whatever their language and however deep
 * the quoting.
 */
#include "postgres.h"

#include "script/secret.h"

/* Bodies in bodies in bodies: nobody means it. */
#define DEEPEST_BODY 8

/* Names of options whose values are secrets. */
static const char *const secret_options[] = {
	"password",
	"passwd",
	"pwd",
	"sslpassword",
	"passphrase",
	"secret",
	"secret_key",
	"secret_access_key",
	"aws_secret_access_key",
	"access_token",
	"api_key",
	"token",
};

/* Words without one of which a body is not worth scanning. */
static const char *const body_words[] = {
	"password",
	"connection",
	"dblink",
	"options",
};

/* Case-insensitive strnstr. */
static const char *
find_word(const char *text, Size length, const char *word)
{
	Size word_length = strlen(word);
	char first = word[0];

	for (Size at = 0; at + word_length <= length; at++)
	{
		if ((text[at] | 0x20) == first && pg_strncasecmp(text + at, word, word_length) == 0)
			return text + at;
	}
	return NULL;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool
is_secret_option(const char *name)
{
	for (int at = 0; at < lengthof(secret_options); at++)
		if (pg_strcasecmp(name, secret_options[at]) == 0)
			return true;
	return false;
}

/* "host=db password=x", or the same as a parameter of a URI */
static bool
has_password_parameter(const char *text)
{
	const char *at = text;

	while ((at = find_word(at, strlen(at), "password")) != NULL)
	{
		at += strlen("password");
		while (is_blank(*at))
			at++;
		if (*at++ != '=')
			continue;
		while (is_blank(*at))
			at++;
		if (*at != '\0' && *at != '&' && strncmp(at, "''", 2) != 0)
			return true;
	}
	return false;
}

/* "postgresql://user:x@host" */
static bool
has_password_in_uri(const char *text, Size length)
{
	const char *at = text;
	const char *end = text + length;

	while ((at = find_word(at, end - at, "://")) != NULL)
	{
		const char *colon = NULL;

		for (at += strlen("://"); at < end && !is_blank(*at) && *at != '/' && *at != '\''; at++)
		{
			if (*at == ':' && colon == NULL)
				colon = at;
			if (*at == '@' && colon && at > colon + 1)
				return true;
		}
	}
	return false;
}

static bool
is_conninfo_with_password(const char *text)
{
	return has_password_parameter(text) || has_password_in_uri(text, strlen(text));
}

static bool
may_be_body_with_secret(const char *text)
{
	for (int at = 0; at < lengthof(body_words); at++)
		if (find_word(text, strlen(text), body_words[at]))
			return true;
	return false;
}

void
dbm_secret_begin(DbmSecretWatch *watch)
{
	memset(watch, 0, sizeof(DbmSecretWatch));
}

static bool find_in_body(const char *body, int depth, Size *offset);

/*
 * The text that could be code, or NULL.  In a body of another language, what
 * SQL takes for a quoted name may be a string; of names the scanner keeps the
 * beginning only.
 */
static const char *
code_of(const DbmTokenStream *stream, const DbmToken *token, int depth)
{
	if (dbm_token_is_string(token))
		return token->value;
	if (depth > 0 && token->code == DBM_TOKEN_IDENT && stream->text[token->start] == '"')
		return pnstrdup(stream->text + token->start + 1, token->end - token->start - 2);
	return NULL;
}

static bool
find_at_token(DbmSecretWatch *watch, const DbmTokenStream *stream, const DbmToken *token, int depth,
			  Size *offset)
{
	const char *value = code_of(stream, token, depth);

	*offset = token->start;
	if (value == NULL || value[0] == '\0')
		return false;
	if (!dbm_token_is_string(token))
		return depth < DEEPEST_BODY && may_be_body_with_secret(value) &&
			   find_in_body(value, depth + 1, offset);
	if (pg_strcasecmp(watch->previous, "password") == 0)
		return true;
	if (watch->options && is_secret_option(watch->previous))
		return true;
	if ((watch->connects || pg_strcasecmp(watch->previous, "connection") == 0) &&
		is_conninfo_with_password(value))
		return true;
	if (!watch->has_body || depth >= DEEPEST_BODY || !may_be_body_with_secret(value))
		return false;
	if (!find_in_body(value, depth + 1, offset))
		return false;

	/* Dollar quoting keeps the bytes, so that the place inside is known. */
	if (stream->text[token->start] == '$')
		*offset += token->start + (strchr(stream->text + token->start + 1, '$') -
								   (stream->text + token->start) + 1);
	else
		*offset = token->start;
	return true;
}

/* Is it the word that makes the statement one with code in a string? */
static bool
starts_body(const DbmSecretWatch *watch, const DbmToken *token)
{
	if (watch->ntokens == 0)
		return token->code == DBM_KEYWORD_DO;

	/* CREATE OR REPLACE FUNCTION is the longest. */
	return watch->creates && watch->ntokens <= 3 &&
		   (token->code == DBM_KEYWORD_FUNCTION || token->code == DBM_KEYWORD_PROCEDURE);
}

/* Keeps what the tokens behind this one are judged by. */
static void
remember_token(DbmSecretWatch *watch, const DbmToken *token)
{
	watch->previous[0] = '\0';
	if (token->code == DBM_TOKEN_IDENT || token->code >= DBM_FIRST_KEYWORD)
		strlcpy(watch->previous, token->value, sizeof(watch->previous));

	if (starts_body(watch, token))
		watch->has_body = true;
	else if (token->code == DBM_KEYWORD_CREATE && watch->ntokens == 0)
		watch->creates = true;
	else if (token->code == DBM_KEYWORD_OPTIONS)
		watch->options = true;
	else if (token->code == DBM_TOKEN_IDENT && strncmp(token->value, "dblink", 6) == 0)
		watch->connects = true;
	else if (token->code == ';')
		watch->options = watch->connects = false;
	watch->ntokens++;
}

/*
 * Scans the text of a string constant.  In languages other than ours the
 * scanner may trip: what it has not understood holds no SQL that would run.
 */
static bool
find_in_body(const char *body, int depth, Size *offset)
{
	DbmTokenStream stream;
	DbmSecretWatch watch;
	DbmToken token;
	MemoryContext caller = CurrentMemoryContext;
	volatile bool found = false;

	dbm_secret_begin(&watch);
	watch.has_body = true;
	dbm_token_begin(&stream, body, strlen(body));
	PG_TRY();
	{
		while (!found && dbm_token_next(&stream, &token))
		{
			found = find_at_token(&watch, &stream, &token, depth, offset);
			remember_token(&watch, &token);
		}
	}
	PG_CATCH();
	{
		/* Scanning takes nothing but memory, so that no subtransaction is needed. */
		if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION &&
			ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		FlushErrorState();
	}
	PG_END_TRY();
	dbm_token_end(&stream);
	return found;
}

bool
dbm_secret_next(DbmSecretWatch *watch, const DbmTokenStream *stream, const DbmToken *token,
				Size *offset)
{
	bool found = find_at_token(watch, stream, token, 0, offset);

	remember_token(watch, token);
	return found;
}

/* Does a literal or an equals sign follow, perhaps behind a closing quote? */
static bool
literal_follows(const char *at, const char *end)
{
	if (at < end && (*at == '"' || *at == '\''))
		at++;
	while (at < end && is_blank(*at))
		at++;
	if (at < end && (*at == '=' || *at == '\'' || *at == '$'))
		return true;
	if (at + 1 < end && strchr("eEuUnN", *at) && (at[1] == '\'' || at[1] == '&'))
		return true;
	return false;
}

bool
dbm_secret_may_show(const char *text, Size length)
{
	const char *end = text + length;

	for (int option = 0; option < lengthof(secret_options); option++)
	{
		const char *word = secret_options[option];
		const char *at = text;

		while ((at = find_word(at, end - at, word)) != NULL)
		{
			at += strlen(word);
			if (literal_follows(at, end))
				return true;
		}
	}
	return has_password_in_uri(text, length);
}
