/*
 * script/header.c: "-- Key: value" lines at the top of a script
 *
 * A line indented by two blanks or more behind the dashes continues the value
 * before it.  Other comment lines are prose and end it.  Keys count as they are
 * spelled here: other tools write "-- requires: x" and mean something else.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "script/header.h"
#include "script/script.h"

static const char *const known_keys[] = {
	"Description",  "Rationale", "Issue",       "Downtime",   "Impact", "Requires", "Conflicts",
	"Irreversible", "Run-As",    "Lint-Ignore", "Repeatable", "Labels", "Baseline",
};

/* One line of the script, without white space around it. */
typedef struct Line
{
	const char *start;
	const char *end;
} Line;

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f';
}

static void
trim_line(Line *line)
{
	while (line->start < line->end && is_blank(*line->start))
		line->start++;
	while (line->end > line->start && is_blank(line->end[-1]))
		line->end--;
}

static const char *
find_known_key(const char *key, Size length)
{
	for (int at = 0; at < lengthof(known_keys); at++)
	{
		if (strlen(known_keys[at]) == length && memcmp(known_keys[at], key, length) == 0)
			return known_keys[at];
	}
	return NULL;
}

const char *
dbm_script_key(const char *key, Size length)
{
	for (int at = 0; at < lengthof(known_keys); at++)
	{
		if (strlen(known_keys[at]) == length && pg_strncasecmp(known_keys[at], key, length) == 0)
			return known_keys[at];
	}
	return NULL;
}

/* How many bytes of the line are a word of letters and dashes, or 0. */
static Size
measure_key(const Line *line)
{
	const char *at = line->start;

	while (at < line->end &&
		   (((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z') || (*at == '-' && at > line->start)))
		at++;
	return at - line->start;
}

/* Reads a field; NULL if the line is prose. */
static DbmHeaderField *
read_field(const Line *line, int number)
{
	DbmHeaderField *field;
	Size length = measure_key(line);
	const char *known = find_known_key(line->start, length);
	Line value = {line->start + length + 1, line->end};

	if (length == 0 || value.start > line->end || line->start[length] != ':')
		return NULL;
	if (value.start < value.end && !is_blank(*value.start))
		return NULL;
	/* a key begins with a capital: "-- requires: x" is what sqitch writes, in names of its own */
	if (!(line->start[0] >= 'A' && line->start[0] <= 'Z'))
		return NULL;

	trim_line(&value);
	field = palloc(sizeof(DbmHeaderField));
	field->key = known ? known : pnstrdup(line->start, length);
	field->value = pnstrdup(value.start, value.end - value.start);
	field->known = known != NULL;
	field->line = number;
	return field;
}

static void
continue_field(DbmHeaderField *field, const Line *line)
{
	const char *before = field->value;

	field->value = psprintf("%s%s%.*s", before, before[0] ? "\n" : "",
							(int) (line->end - line->start), line->start);
}

/* Takes a comment line in; returns the field that a next line may continue. */
static DbmHeaderField *
read_comment(List **header, DbmHeaderField *open, Line line, int number)
{
	bool indented;
	DbmHeaderField *field;

	line.start += 2;
	indented = line.end - line.start > 2 && is_blank(line.start[0]) && is_blank(line.start[1]);
	trim_line(&line);

	if (open && indented)
	{
		continue_field(open, &line);
		return open;
	}
	field = indented ? NULL : read_field(&line, number);
	if (field)
		*header = lappend(*header, field);
	return field;
}

List *
dbm_header_read(const char *text, Size length)
{
	List *header = NIL;
	DbmHeaderField *open = NULL;
	const char *end = text + length;
	int number = 0;

	for (const char *at = text; at < end;)
	{
		const char *newline = memchr(at, '\n', end - at);
		Line line = {at, newline ? newline : end};

		number++;
		at = line.end + 1;
		trim_line(&line);
		if (line.start == line.end)
			open = NULL;
		else if (line.end - line.start >= 2 && strncmp(line.start, "--", 2) == 0)
			open = read_comment(&header, open, line, number);
		else
			break;
	}
	return header;
}

const char *
dbm_script_header(const DbmScript *script, const char *key)
{
	ListCell *cell;

	foreach (cell, script->header)
	{
		DbmHeaderField *field = lfirst(cell);

		if (field->known && strcmp(field->key, key) == 0)
			return field->value;
	}
	return NULL;
}
