/*
 * cli/dump_script.c: what pg_dump writes, as a script that dbm_apply takes
 *
 * The dump is read statement by statement: only what stands outside of strings,
 * quoted names and comments ends one.  All that is left out is taken by the
 * beginning of its statement, and the comment above goes with it.
 *
 * A carriage return inside a string would not survive Git, which may turn line
 * ends: such a string is written as E'...\r...'.
 */
#include "postgres_fe.h"

#include "libpq-fe.h"

#include "dump_script.h"

/* Reading the dump. */
typedef struct Reading
{
	const char *at;
	PQExpBuffer pending;		/* white space and comments before the next statement */
	PQExpBuffer statement;
	char word[64];				/* the last word of the statement, in lower case */
	bool escapes;				/* the E of a string with escapes stands right before */
	const char *schema;
	bool fresh;					/* nothing has been taken yet */
	DumpScript script;
} Reading;

/* Settings of the session that restores a dump: those of a run are the server's business. */
static const char *const session_settings[] = {
	"SET statement_timeout ",	 "SET lock_timeout ",
	"SET transaction_timeout ",	 "SET idle_in_transaction_session_timeout ",
	"SET client_encoding ",		 "SET standard_conforming_strings ",
	"SET client_min_messages ",	 "SET row_security ",
};

/* Around what others than the owner have granted; a script has one role from its beginning to its end. */
static const char *const authorization[] = {"SET SESSION AUTHORIZATION ",
											"RESET SESSION AUTHORIZATION"};

/* Statements that make nothing. */
static const char *const settings[] = {"SET ", "SELECT pg_catalog.set_config("};

/* Statements whose options may hold passwords. */
static const char *const foreign[] = {
	"CREATE USER MAPPING ", "CREATE SERVER ",		 "CREATE FOREIGN DATA WRAPPER ",
	"CREATE FOREIGN TABLE ", "ALTER FOREIGN TABLE ",
};

/* Parts of the names of options that hold them, as in extension/schema/properties.c. */
static const char *const secret_words[] = {"password", "passphrase", "secret", "token"};

static bool
begins_with(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

static bool
begins_with_any(const char *text, const char *const *beginnings, int count)
{
	for (int at = 0; at < count; at++)
	{
		if (begins_with(text, beginnings[at]))
			return true;
	}
	return false;
}

static bool
is_word_character(char c)
{
	return isalnum((unsigned char) c) || c == '_' || IS_HIGHBIT_SET(c);
}

/* --- what is left out --------------------------------------------------------- */

/* What stands behind " ON " of a GRANT or REVOKE, outside of quoted names. */
static const char *
find_granted(const char *statement)
{
	bool quoted = false;

	for (const char *at = statement; *at; at++)
	{
		if (*at == '"')
			quoted = !quoted;
		else if (!quoted && begins_with(at, " ON "))
			return at + strlen(" ON ");
	}
	return "";
}

/* Nobody else can have functions of such names in the schema of ours: the guard refuses them. */
static bool
is_granted_on_ours(const char *statement, const char *schema)
{
	const char *granted = find_granted(statement);
	const char *name = strchr(granted, ' ');

	if (name == NULL)
		return false;
	name++;
	if (begins_with(granted, "SCHEMA "))
		return begins_with(name, "dbmaestro ");
	if (begins_with(granted, "FUNCTION ") || begins_with(granted, "PROCEDURE "))
		return begins_with(name, "dbmaestro.") ||
			   (begins_with(name, schema) && begins_with(name + strlen(schema), ".dbm_"));
	return begins_with(name, "dbmaestro.");
}

static bool
is_left_out(const char *statement, const char *schema)
{
	if (begins_with_any(statement, session_settings, lengthof(session_settings)))
		return true;
	if (begins_with(statement, "CREATE EXTENSION IF NOT EXISTS dbmaestro ") ||
		begins_with(statement, "COMMENT ON EXTENSION dbmaestro "))
		return true;
	if (begins_with(statement, "GRANT ") || begins_with(statement, "REVOKE "))
		return is_granted_on_ours(statement, schema);
	return false;
}

/* --- strings ------------------------------------------------------------------- */

static bool
is_secret(const Reading *reading)
{
	if (!begins_with_any(reading->statement->data, foreign, lengthof(foreign)))
		return false;
	for (int at = 0; at < lengthof(secret_words); at++)
	{
		if (strstr(reading->word, secret_words[at]))
			return true;
	}
	return false;
}

static void
append_parameter(PQExpBuffer text, const char *keyword, const char *value)
{
	appendPQExpBuffer(text, "%s%s='", text->len > 0 ? " " : "", keyword);
	for (; *value; value++)
	{
		if (*value == '\'' || *value == '\\')
			appendPQExpBufferChar(text, '\\');
		appendPQExpBufferChar(text, *value);
	}
	appendPQExpBufferChar(text, '\'');
}

/* By its name, or because libpq would not show it either. */
static bool
is_secret_parameter(const PQconninfoOption *option)
{
	for (int at = 0; at < lengthof(secret_words); at++)
	{
		if (strstr(option->keyword, secret_words[at]))
			return true;
	}
	return option->dispchar[0] == '*';
}

/*
 * The connection string without passwords; NULL if there is none in it.  One
 * that a newer server understands and this libpq does not is left out whole.
 */
static char *
without_password(const char *conninfo)
{
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
	PQExpBuffer text = createPQExpBuffer();
	bool found = options == NULL;
	char *result;

	for (PQconninfoOption *option = options; option && option->keyword; option++)
	{
		if (option->val == NULL)
			continue;
		if (is_secret_parameter(option))
			found = true;
		else
			append_parameter(text, option->keyword, option->val);
	}
	result = found ? pg_strdup(text->data) : NULL;
	PQconninfoFree(options);
	destroyPQExpBuffer(text);
	return result;
}

/* Does the statement say where a subscription connects to, here? */
static bool
is_connection(const Reading *reading)
{
	return strcmp(reading->word, "connection") == 0 &&
		   begins_with(reading->statement->data, "CREATE SUBSCRIPTION ");
}

/* Writes a string with escapes for what a plain one cannot hold safely. */
static void
append_string(PQExpBuffer text, const char *value, size_t length)
{
	bool escaped = memchr(value, '\r', length) != NULL;

	appendPQExpBufferStr(text, escaped ? "E'" : "'");
	for (size_t at = 0; at < length; at++)
	{
		if (value[at] == '\'')
			appendPQExpBufferStr(text, "''");
		else if (escaped && value[at] == '\r')
			appendPQExpBufferStr(text, "\\r");
		else if (escaped && value[at] == '\\')
			appendPQExpBufferStr(text, "\\\\");
		else
			appendPQExpBufferChar(text, value[at]);
	}
	appendPQExpBufferChar(text, '\'');
}

/* The value of a plain string, without its quotes; at is moved behind it. */
static PQExpBuffer
read_plain(Reading *reading)
{
	PQExpBuffer value = createPQExpBuffer();

	for (reading->at++; *reading->at; reading->at++)
	{
		if (*reading->at == '\'' && *++reading->at != '\'')
			break;
		appendPQExpBufferChar(value, *reading->at);
	}
	return value;
}

static void
take_plain(Reading *reading)
{
	PQExpBuffer value = read_plain(reading);
	char *cleared = is_connection(reading) ? without_password(value->data) : NULL;

	if (is_secret(reading))
		cleared = pg_strdup("");
	if (cleared)
		reading->script.secrets++;
	append_string(reading->statement, cleared ? cleared : value->data,
				  cleared ? strlen(cleared) : value->len);
	pg_free(cleared);
	destroyPQExpBuffer(value);
}

/* A string with escapes stays as it is, but for a carriage return, which becomes one more. */
static void
take_escaped(Reading *reading)
{
	bool secret = is_secret(reading);

	reading->escapes = false;
	appendPQExpBufferChar(reading->statement, '\'');
	for (reading->at++; *reading->at; reading->at++)
	{
		const char *at = reading->at;
		int length = (at[0] == '\\' || at[0] == '\'') && at[1] ? 2 : 1;

		if (at[0] == '\'' && at[1] != '\'')
			break;
		if (!secret && at[0] == '\r')
			appendPQExpBufferStr(reading->statement, "\\r");
		else if (!secret)
			appendBinaryPQExpBuffer(reading->statement, at, length);
		reading->at += length - 1;
	}
	appendPQExpBufferChar(reading->statement, '\'');
	reading->script.secrets += secret;
	if (*reading->at)
		reading->at++;
}

/* Length of the tag of a dollar quote, with both dollars; 0 if it is none. */
static size_t
measure_tag(const char *at)
{
	const char *end = at + 1;

	while (is_word_character(*end))
		end++;
	return *end == '$' && !isdigit((unsigned char) at[1]) ? end - at + 1 : 0;
}

static void
take_dollar(Reading *reading, size_t tag)
{
	char *mark = pnstrdup(reading->at, tag);
	const char *start = reading->at + tag;
	const char *end = strstr(start, mark);

	if (end == NULL)
		end = start + strlen(start);
	if (memchr(start, '\r', end - start))
		append_string(reading->statement, start, end - start);
	else
		appendBinaryPQExpBuffer(reading->statement, reading->at,
								end - reading->at + (*end ? tag : 0));
	reading->at = end + (*end ? tag : 0);
	pg_free(mark);
}

/* Takes so many characters, which are the last word from now on. */
static void
append_word(Reading *reading, size_t length)
{
	size_t kept = Min(length, sizeof(reading->word) - 1);

	for (size_t at = 0; at < kept; at++)
		reading->word[at] = pg_ascii_tolower((unsigned char) reading->at[at]);
	reading->word[kept] = '\0';
	appendBinaryPQExpBuffer(reading->statement, reading->at, length);
	reading->at += length;
}

static void
take_quoted_name(Reading *reading)
{
	const char *end = strchr(reading->at + 1, '"');
	size_t length = end ? end - reading->at + 1 : strlen(reading->at);

	/* the name of an option may be quoted; two quotes in it make two names of no meaning */
	append_word(reading, length);
}

/* --- statements ----------------------------------------------------------------- */

static void
take_word(Reading *reading)
{
	size_t length = 0;

	while (is_word_character(reading->at[length]))
		length++;
	reading->escapes = length == 1 && reading->at[0] == 'E' && reading->at[1] == '\'';
	if (!reading->escapes)
		append_word(reading, length);
	else
		appendPQExpBufferChar(reading->statement, *reading->at++);
}

/* Takes what stands at this place; false at the semicolon that ends the statement. */
static bool
take_token(Reading *reading)
{
	char c = *reading->at;
	size_t tag;

	if (c == '\'' && reading->escapes)
		take_escaped(reading);
	else if (c == '\'')
		take_plain(reading);
	else if (c == '"')
		take_quoted_name(reading);
	else if (c == '$' && (tag = measure_tag(reading->at)) > 0)
		take_dollar(reading, tag);
	else if (is_word_character(c))
		take_word(reading);
	else
	{
		appendPQExpBufferChar(reading->statement, c);
		reading->at++;
		return c != ';';
	}
	return true;
}

/* The schema of our functions must be there before the script can be applied. */
static void
append_statement(Reading *reading)
{
	const char *statement = reading->statement->data;
	char *creation = psprintf("CREATE SCHEMA %s;", reading->schema);

	if (strcmp(statement, creation) == 0)
		appendPQExpBuffer(reading->script.text, "CREATE SCHEMA IF NOT EXISTS %s;", reading->schema);
	else
		appendBinaryPQExpBuffer(reading->script.text, statement, reading->statement->len);
	reading->script.statements += !begins_with_any(statement, settings, lengthof(settings));
	pg_free(creation);
}

static void
take_statement(Reading *reading)
{
	resetPQExpBuffer(reading->statement);
	reading->word[0] = '\0';
	while (*reading->at && take_token(reading))
		;
	if (begins_with_any(reading->statement->data, authorization, lengthof(authorization)))
		reading->script.grantors++;
	else if (!is_left_out(reading->statement->data, reading->schema))
	{
		if (reading->fresh)
			resetPQExpBuffer(reading->pending);
		reading->fresh = false;
		appendBinaryPQExpBuffer(reading->script.text, reading->pending->data,
								reading->pending->len);
		append_statement(reading);
	}
	resetPQExpBuffer(reading->pending);
}

/* Keeps a comment line for the statement below it. */
static void
take_comment(Reading *reading)
{
	size_t length = strcspn(reading->at, "\n");

	appendBinaryPQExpBuffer(reading->pending, reading->at, length);
	reading->at += length;
}

DumpScript
dump_script_make(const char *dump, const char *schema, bool has_public)
{
	Reading reading = {.at = dump,
					   .pending = createPQExpBuffer(),
					   .statement = createPQExpBuffer(),
					   .schema = schema,
					   .fresh = true,
					   .script = {.text = createPQExpBuffer()}};

	if (!has_public)
		appendPQExpBufferStr(reading.script.text, "DROP SCHEMA IF EXISTS public;\n\n");
	while (*reading.at)
	{
		if (isspace((unsigned char) *reading.at))
			appendPQExpBufferChar(reading.pending, *reading.at++);
		else if (begins_with(reading.at, "--"))
			take_comment(&reading);
		else if (*reading.at == '\\')
			reading.at += strcspn(reading.at, "\n");
		else
			take_statement(&reading);
	}
	appendPQExpBufferChar(reading.script.text, '\n');
	destroyPQExpBuffer(reading.pending);
	destroyPQExpBuffer(reading.statement);
	return reading.script;
}
