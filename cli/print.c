/*
 * cli/print.c: results on standard output, in the format that --format names
 *
 * Tables, CSV and HTML come from psql's own printer; Markdown and JSON are
 * written here.
 */
#include "postgres_fe.h"

#include <unistd.h>

#include "catalog/pg_type_d.h"
#include "fe_utils/print.h"
#include "mb/pg_wchar.h"

#include "message.h"
#include "print.h"

typedef enum PrintFormat
{
	FORMAT_TABLE,
	FORMAT_JSON,
	FORMAT_JSON_LINES,
	FORMAT_CSV,
	FORMAT_HTML,
	FORMAT_MARKDOWN,
} PrintFormat;

const char *const print_formats[] = {
	[FORMAT_TABLE] = "table",
	[FORMAT_JSON] = "json",
	[FORMAT_JSON_LINES] = "jsonl",
	[FORMAT_CSV] = "csv",
	[FORMAT_HTML] = "html",
	[FORMAT_MARKDOWN] = "markdown",
	NULL,
};

static PrintFormat format = FORMAT_TABLE;

void
print_set_format(const char *name)
{
	for (int at = 0; print_formats[at]; at++)
	{
		if (strcmp(print_formats[at], name) == 0)
			format = at;
	}
}

bool
print_is_json(void)
{
	return format == FORMAT_JSON || format == FORMAT_JSON_LINES;
}

bool
print_is_for_people(void)
{
	return !print_is_json() && format != FORMAT_CSV;
}

/* psql's tables show control characters by themselves, but not what turns the direction. */
static char *
cell_text(const PGresult *rows, int row, int column)
{
	char *value = PQgetvalue(rows, row, column);

	if (PQgetisnull(rows, row, column))
		return "";
	if (PQftype(rows, column) == BOOLOID)
		return value[0] == 't' ? "yes" : "no";
	if (format == FORMAT_TABLE || isatty(STDOUT_FILENO))
		return message_printable(value);
	return value;
}

static char *
heading_text(const char *key)
{
	char *heading = pg_strdup(key);

	for (char *at = heading; format != FORMAT_CSV && *at; at++)
	{
		if (*at == '_')
			*at = ' ';
	}
	return heading;
}

static void
set_table_options(printTableOpt *options)
{
	memset(options, 0, sizeof(*options));
	options->format = PRINT_WRAPPED;
	if (format == FORMAT_CSV)
		options->format = PRINT_CSV;
	if (format == FORMAT_HTML)
		options->format = PRINT_HTML;
	/* one column below the other where the terminal is too narrow for a table */
	options->expanded = format == FORMAT_TABLE ? 2 : 0;
	options->border = 1;
	options->pager = 1;
	options->encoding = PG_UTF8;
	options->csvFieldSep[0] = ',';
	options->fieldSep.separator = "|";
	options->recordSep.separator = "\n";
	options->env_columns = getenv("COLUMNS") ? atoi(getenv("COLUMNS")) : 0;
}

static void
print_with_psql(const PGresult *rows, const char *title, bool first, bool last)
{
	printTableOpt options;
	printTableContent content;
	int width = PQnfields(rows);
	int height = PQntuples(rows);

	set_table_options(&options);
	options.start_table = first;
	options.stop_table = last;
	printTableInit(&content, &options, title, width, height);
	for (int column = 0; column < width; column++)
	{
		char *key = PQfname(rows, column);

		/* only the first part shows them */
		printTableAddHeader(&content, first ? heading_text(key) : key, false,
							column_type_alignment(PQftype(rows, column)));
	}
	for (int row = 0; row < height; row++)
	{
		for (int column = 0; column < width; column++)
			printTableAddCell(&content, cell_text(rows, row, column), false, false);
	}
	printTable(&content, stdout, false, NULL);
	printTableCleanup(&content);
}

/* What would end a cell, or be taken for markup, is escaped. */
static void
print_markdown_cell(const char *text)
{
	fputs(" ", stdout);
	for (const char *at = text; *at; at++)
	{
		if (*at == '\n')
			fputs("<br>", stdout);
		else if (*at == '<')
			fputs("&lt;", stdout);
		else if (*at != '\r')
			fprintf(stdout, strchr("|\\`*_[]", *at) ? "\\%c" : "%c", *at);
	}
	fputs(" |", stdout);
}

static void
print_markdown_head(const PGresult *rows, const char *title)
{
	int width = PQnfields(rows);

	if (title)
		printf("%s\n\n", title);
	for (int column = 0; column < width; column++)
		printf("%s %s |", column ? "" : "|", heading_text(PQfname(rows, column)));
	fputs("\n|", stdout);
	for (int column = 0; column < width; column++)
		fputs(column_type_alignment(PQftype(rows, column)) == 'r' ? " ---: |" : " --- |", stdout);
	fputs("\n", stdout);
}

static void
print_markdown_rows(const PGresult *rows)
{
	for (int row = 0; row < PQntuples(rows); row++)
	{
		fputs("|", stdout);
		for (int column = 0; column < PQnfields(rows); column++)
			print_markdown_cell(cell_text(rows, row, column));
		fputs("\n", stdout);
	}
}

/* A string that is not UTF-8 is shown with the bytes that are not. */
static json_t *
json_text(const char *text)
{
	json_t *value = json_string(text);

	return value ? value : json_string(message_printable(text));
}

static json_t *
json_cell(const PGresult *rows, int row, int column)
{
	const char *value = PQgetvalue(rows, row, column);
	json_t *parsed = NULL;

	if (PQgetisnull(rows, row, column))
		return json_null();
	switch (PQftype(rows, column))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return json_integer(strtoll(value, NULL, 10));
		case BOOLOID:
			return json_boolean(value[0] == 't');
		case JSONOID:
		case JSONBOID:
			parsed = json_loads(value, JSON_DECODE_ANY, NULL);
			break;
		default:
			break;
	}
	return parsed ? parsed : json_text(value);
}

static json_t *
json_row(const PGresult *rows, int row)
{
	json_t *object = json_object();

	for (int column = 0; column < PQnfields(rows); column++)
		json_object_set_new(object, PQfname(rows, column), json_cell(rows, row, column));
	return object;
}

json_t *
print_rows_as_json(const PGresult *rows)
{
	json_t *array = json_array();

	for (int row = 0; row < PQntuples(rows); row++)
		json_array_append_new(array, json_row(rows, row));
	return array;
}

/* JSON escapes the old control characters by itself, but not those beyond ASCII. */
static size_t
json_flags(void)
{
	size_t flags = JSON_ENCODE_ANY | (format == FORMAT_JSON ? JSON_INDENT(2) : JSON_COMPACT);

	return isatty(STDOUT_FILENO) ? flags | JSON_ENSURE_ASCII : flags;
}

void
print_json(json_t *value)
{
	json_dumpf(value, stdout, json_flags());
	fputs("\n", stdout);
	json_decref(value);
}

/* An element of an array: one step further in.  Line ends within strings are escaped. */
static void
print_element(json_t *value)
{
	char *text = json_dumps(value, json_flags());

	fputs("  ", stdout);
	for (const char *at = text; at && *at; at++)
	{
		putchar(*at);
		if (*at == '\n')
			fputs("  ", stdout);
	}
	free(text);
	json_decref(value);
}

/* The array is never in memory, however many rows there are. */
static void
print_array(const PGresult *rows, bool first, bool last)
{
	static bool empty;

	if (first)
	{
		putchar('[');
		empty = true;
	}
	for (int row = 0; row < PQntuples(rows); row++)
	{
		fputs(empty ? "\n" : ",\n", stdout);
		print_element(json_row(rows, row));
		empty = false;
	}
	if (last)
		fputs(empty ? "]\n" : "\n]\n", stdout);
}

bool
print_takes_parts(void)
{
	/* a table has to know the widest of all; on a terminal there is a pager */
	return format != FORMAT_TABLE && !isatty(STDOUT_FILENO);
}

void
print_part(const PGresult *rows, const char *title, bool first, bool last)
{
	switch (format)
	{
		case FORMAT_JSON:
			print_array(rows, first, last);
			break;
		case FORMAT_JSON_LINES:
			for (int row = 0; row < PQntuples(rows); row++)
				print_json(json_row(rows, row));
			break;
		case FORMAT_MARKDOWN:
			if (first)
				print_markdown_head(rows, title);
			print_markdown_rows(rows);
			break;
		case FORMAT_CSV:
			print_with_psql(rows, NULL, first, last);
			break;
		case FORMAT_TABLE:
		case FORMAT_HTML:
			print_with_psql(rows, title, first, last);
			break;
	}
}

void
print_rows(const PGresult *rows, const char *title)
{
	print_part(rows, title, true, true);
}

bool
print_has_failed(void)
{
	return ferror(stdout) != 0;
}

bool
print_end(void)
{
	bool failed = ferror(stdout);

	errno = 0;
	failed = fflush(stdout) != 0 || failed;
	/* whoever closed the pipe knows that */
	if (failed && errno != EPIPE)
		message_error("could not write to standard output: %m");
	return !failed;
}
