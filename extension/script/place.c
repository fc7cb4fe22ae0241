/*
 * script/place.c: where in a script something is, and saying so in messages
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "script/secret.h"

/* A statement up to this length is shown whole, of a longer one a piece. */
#define SHOWN_WHOLE 1000
#define SHOWN_BEFORE 200
#define SHOWN_BEHIND 100

/* The last statement that starts at or before offset, or NULL. */
static const DbmStatement *
find_statement(const DbmScript *script, Size offset)
{
	int low = 0;
	int high = script->nstatements;

	while (low < high)
	{
		int middle = low + (high - low) / 2;

		if (script->statements[middle].start <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? &script->statements[low - 1] : NULL;
}

static Size
find_line_start(const DbmScript *script, Size offset)
{
	while (offset > 0 && script->text[offset - 1] != '\n')
		offset--;
	return offset;
}

int
dbm_script_line(const DbmScript *script, Size offset)
{
	const DbmStatement *statement = find_statement(script, offset);
	const char *end = script->text + Min(offset, script->length);
	const char *at = script->text + (statement ? statement->start : 0);
	int line = statement ? statement->line : 1;

	while ((at = memchr(at, '\n', end - at)) != NULL)
	{
		line++;
		at++;
	}
	return line;
}

void
dbm_script_position(const DbmScript *script, Size offset, int *line, int *column)
{
	Size end = Min(offset, script->length);
	Size start = find_line_start(script, end);

	*line = dbm_script_line(script, end);
	*column = pg_mbstrlen_with_len(script->text + start, end - start) + 1;
}

/*
 * Where the text shown around offset begins: at the statement, or a few lines
 * before the place, or, in a long line, at a whole character.
 */
static Size
find_shown_start(const DbmScript *script, Size begin, Size offset)
{
	Size line_start;

	if (offset - begin <= SHOWN_BEFORE)
		return begin;
	for (Size at = offset - SHOWN_BEFORE; at < offset; at++)
		if (script->text[at] == '\n')
			return at + 1;

	line_start = Max(find_line_start(script, offset), begin);
	while (offset - line_start > SHOWN_BEFORE)
		line_start += pg_mblen(script->text + line_start);
	return Min(line_start, offset);
}

static Size
find_line_end(const DbmScript *script, Size offset)
{
	const char *end = memchr(script->text + offset, '\n', script->length - offset);

	return end ? end - script->text : script->length;
}

/*
 * Turns the server's position into an internal one, with the text around it
 * unless that could be a secret.
 */
static void
show_source(const DbmScriptPlace *place, Size offset)
{
	const DbmScript *script = place->script;
	Size begin = find_line_start(script, offset);
	Size end = find_line_end(script, offset);
	char *shown;

	if (place->statement && place->statement->length <= SHOWN_WHOLE)
	{
		begin = place->statement->start;
		end = begin + place->statement->length;
	}
	else
	{
		if (place->statement)
			begin = place->statement->start;
		begin = find_shown_start(script, begin, offset);
		end = offset + pg_mbcliplen(script->text + offset, end - offset, SHOWN_BEHIND);
	}

	errposition(0);
	if (dbm_secret_may_show(script->text + begin, end - begin))
		return;
	shown = pnstrdup(script->text + begin, end - begin);
	internalerrposition(pg_mbstrlen_with_len(shown, offset - begin) + 1);
	internalerrquery(shown);
	pfree(shown);
}

/* Byte offset in the script of the server's position in what it was given. */
static Size
find_offset(const DbmScriptPlace *place, int position)
{
	const char *source = place->script->text + place->base;
	Size offset = place->base;
	Size end = place->script->length;

	if (place->statement)
		end = Min(end, place->statement->start + place->statement->length);
	if (end > offset)
		offset += pg_mbcharcliplen(source, end - offset, position - 1);
	return offset;
}

/* Returns how messages call the script; palloc'd. */
static char *
name_script(const DbmScript *script)
{
	if (script->name == NULL)
		return pstrdup(script->rollback ? "rollback script" : "script");
	return psprintf(script->rollback ? "rollback script of change \"%s\"" : "change \"%s\"",
					script->name);
}

static void
add_context(const DbmScriptPlace *place, int line, int column)
{
	char *name = name_script(place->script);

	if (place->statement && !place->reading)
	{
		int ordinal = place->statement->ordinal;

		if (column > 0)
			errcontext("%s, statement %d at line %d, column %d", name, ordinal, line, column);
		else
			errcontext("%s, statement %d at line %d", name, ordinal, line);
	}
	else if (column > 0)
		errcontext("%s, line %d, column %d", name, line, column);
	else
		errcontext("%s, line %d", name, line);
	pfree(name);
}

/* Variables of psql come here as they are. */
static bool
is_psql_variable(const DbmScriptPlace *place, Size offset)
{
	return place->reading && place->script->text[offset] == ':' &&
		   geterrcode() == ERRCODE_SYNTAX_ERROR;
}

static void
place_callback(void *arg)
{
	DbmScriptPlace *place = arg;
	const DbmScript *script = place->script;
	int position = geterrposition();
	int line = place->statement ? place->statement->line : 0;
	int column = 0;

	if (place->silent && geterrcode() == ERRCODE_SYNTAX_ERROR)
		return;
	if (position > 0)
	{
		Size offset = find_offset(place, position);

		dbm_script_position(script, offset, &line, &column);
		show_source(place, offset);
		if (is_psql_variable(place, offset))
			errhint("Variables of psql are not replaced in a script; write the value itself.");
	}
	else if (place->statement == NULL)
		dbm_script_position(script, place->here, &line, &column);
	add_context(place, line, column);
}

void
dbm_script_place_begin(DbmScriptPlace *place, const DbmScript *script,
					   const DbmStatement *statement)
{
	place->script = script;
	place->statement = statement;
	place->base = statement ? statement->start : 0;
	place->here = 0;
	place->reading = false;
	place->silent = false;
	place->callback.callback = place_callback;
	place->callback.arg = place;
	place->callback.previous = error_context_stack;
	error_context_stack = &place->callback;
}

void
dbm_script_place_end(DbmScriptPlace *place)
{
	error_context_stack = place->callback.previous;
}
