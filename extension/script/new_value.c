/*
 * script/new_value.c: who uses a value that a script adds to an enum type
 *
 * By tokens: whether a literal becomes an enum is known when the statement is
 * analysed, which cannot be done before what stands above it has run.  So each
 * string that says the value counts, also inside of code, in an array or in the
 * data of a COPY.  What does not count is said by the statement that it stands
 * in: labels of a type, comments, and code that nobody reads when it is made.
 * That code counts where something runs that could call it.
 */
#include "postgres.h"

#include "script/code.h"
#include "script/new_value.h"
#include "script/token.h"

#define FIRST_WORDS 5

/* What is seen of one statement. */
typedef struct Statement
{
	int words[FIRST_WORDS]; /* codes of the first words */
	int nwords;
	bool query_inside; /* SELECT, INSERT ... further on */
	bool ranges; /* calls a function that returns values of the type */
	bool after_language; /* the last token was LANGUAGE */
	bool late; /* a language that looks at its code when it runs */
	List *said; /* of const DbmNote *: values that its strings say */
} Statement;

static void
note_said(const DbmValueWatch *watch, Statement *seen, const char *text, Size length)
{
	ListCell *cell;

	foreach (cell, watch->pending)
	{
		const DbmNote *value = lfirst(cell);

		if (dbm_code_says(text, length, value->name))
			seen->said = list_append_unique_ptr(seen->said, lfirst(cell));
	}
}

static bool
starts_query(int word)
{
	switch (word)
	{
		case DBM_KEYWORD_SELECT:
		case DBM_KEYWORD_INSERT:
		case DBM_KEYWORD_UPDATE:
		case DBM_KEYWORD_DELETE_P:
		case DBM_KEYWORD_MERGE:
		case DBM_KEYWORD_WITH:
		case DBM_KEYWORD_VALUES:
		case DBM_KEYWORD_TABLE:
		case DBM_KEYWORD_DO:
		case DBM_KEYWORD_CALL:
		case DBM_KEYWORD_COPY:
		case DBM_KEYWORD_REFRESH:
		case DBM_KEYWORD_EXPLAIN:
			return true;
		default:
			return false;
	}
}

/* enum_range and its kind return the new value, too. */
static bool
returns_values(const char *name)
{
	return strcmp(name, "enum_range") == 0 || strcmp(name, "enum_last") == 0 ||
		   strcmp(name, "enum_first") == 0;
}

static void
see_token(const DbmValueWatch *watch, Statement *seen, const DbmTokenStream *stream,
		  const DbmToken *token)
{
	if (seen->after_language && token->value)
		seen->late = dbm_code_is_late(token->value);
	seen->after_language = token->code == DBM_KEYWORD_LANGUAGE;

	if (dbm_token_is_string(token))
		note_said(watch, seen, token->value, strlen(token->value));
	if (token->code == DBM_TOKEN_IDENT && returns_values(token->value))
		seen->ranges = true;
	if (token->code == DBM_KEYWORD_SELECT)
		seen->query_inside = true;
	if (dbm_token_is_word(stream, token) && seen->nwords < FIRST_WORDS)
		seen->words[seen->nwords++] = token->code;
}

static void
see_statement(const DbmValueWatch *watch, const DbmStatement *statement, Statement *seen)
{
	char *text = pnstrdup(watch->script->text + statement->start, statement->length);
	DbmTokenStream stream;
	DbmToken token;

	memset(seen, 0, sizeof(Statement));
	dbm_token_begin(&stream, text, statement->length);
	while (dbm_token_next(&stream, &token))
		see_token(watch, seen, &stream, &token);
	dbm_token_end(&stream);
	pfree(text);
	if (statement->kind == DBM_STATEMENT_COPY_DATA)
		note_said(watch, seen, watch->script->text + statement->data_start, statement->data_length);
}

/* CREATE [OR REPLACE] FUNCTION or PROCEDURE */
static bool
makes_routine(const Statement *seen)
{
	int at = seen->nwords > 3 && seen->words[1] == DBM_KEYWORD_OR ? 3 : 1;

	return seen->nwords > at && seen->words[0] == DBM_KEYWORD_CREATE &&
		   (seen->words[at] == DBM_KEYWORD_FUNCTION || seen->words[at] == DBM_KEYWORD_PROCEDURE);
}

/* CREATE TYPE, ALTER TYPE, COMMENT: values are names there. */
static bool
only_names(const Statement *seen)
{
	if (seen->words[0] == DBM_KEYWORD_COMMENT || seen->words[0] == DBM_KEYWORD_SECURITY)
		return true;
	return seen->words[1] == DBM_KEYWORD_TYPE_P &&
		   (seen->words[0] == DBM_KEYWORD_CREATE || seen->words[0] == DBM_KEYWORD_ALTER);
}

static bool
runs_code(const Statement *seen)
{
	if (starts_query(seen->words[0]))
		return true;
	return seen->words[0] == DBM_KEYWORD_CREATE && seen->query_inside && !makes_routine(seen) &&
		   seen->words[1] != DBM_KEYWORD_VIEW;
}

const DbmNote *
dbm_value_used(DbmValueWatch *watch, const DbmStatement *statement)
{
	Statement seen;

	if (watch->pending == NIL)
		return NULL;
	see_statement(watch, statement, &seen);
	if (only_names(&seen))
		return NULL;
	if (seen.ranges)
		return linitial(watch->pending);
	if (makes_routine(&seen) && seen.late)
	{
		watch->hidden = list_concat_unique_ptr(watch->hidden, seen.said);
		return NULL;
	}
	if (seen.said)
		return linitial(seen.said);
	return watch->hidden && runs_code(&seen) ? linitial(watch->hidden) : NULL;
}
