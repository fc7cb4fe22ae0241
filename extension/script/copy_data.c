/*
 * script/copy_data.c: the data lines behind COPY ... FROM STDIN
 */
#include "postgres.h"

#include "miscadmin.h"

#include "script/copy_data.h"

#define END_MARK "\\."

/* Is this a line that holds the end mark and nothing else? */
static bool
is_end_line(const char *at, const char *end)
{
	if (end - at < strlen(END_MARK) || strncmp(at, END_MARK, strlen(END_MARK)) != 0)
		return false;
	at += strlen(END_MARK);
	return at == end || at[0] == '\n' || (at + 1 < end && at[0] == '\r' && at[1] == '\n');
}

/* The start of the line that ends the data, or NULL. */
static const char *
find_end_line(const char *start, const char *end)
{
	const char *at = start;

	while (at && at < end)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_end_line(at, end))
			return at;

		/* Hardly any line starts so: go by backslashes, not by lines. */
		do
			at = memchr(at + 1, '\\', end - at - 1);
		while (at && at[-1] != '\n');
	}
	return NULL;
}

static const char *
skip_line(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', end - at);

	return newline ? newline + 1 : end;
}

static void
require_nothing_behind(const DbmStatement *statement, const char *at, const char *end)
{
	while (at < end && strchr(" \t\r\f", *at))
		at++;
	if (at < end && *at != '\n')
		ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
						errmsg("text behind COPY ... FROM STDIN on the same line"),
						errdetail("The data of the COPY at line %d starts on the line after its "
								  "semicolon.",
								  statement->line),
						errhint("Put it behind the data.")));
}

Size
dbm_copy_data_find(const DbmScript *script, DbmStatement *statement, Size offset)
{
	const char *end = script->text + script->length;
	const char *data = skip_line(script->text + offset, end);
	const char *end_line;

	require_nothing_behind(statement, script->text + offset, end);
	end_line = find_end_line(data, end);
	if (end_line == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR), errmsg("data of COPY ... FROM STDIN has no end"),
				 errdetail("No line \\. follows the COPY at line %d.", statement->line),
				 errhint("End the data with a line that holds \\. and nothing else.")));
	statement->data_start = data - script->text;
	statement->data_length = end_line - data;
	return skip_line(end_line, end) - script->text;
}
