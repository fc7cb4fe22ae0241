/*
 * cli/header.c: "-- Key: value" lines at the top of a script
 *
 * The same reading as the server's (extension/script/header.c), over the lines
 * of a script that may be anything.
 */
#include "postgres_fe.h"

#include "header.h"

static const char *const known_keys[] = {
	"Description",  "Rationale", "Issue",       "Downtime",   "Impact", "Requires", "Conflicts",
	"Irreversible", "Run-As",    "Lint-Ignore", "Repeatable", "Labels", "Baseline",
};

#define BLANKS " \t\r\f"

/* A copy of the line without blanks around it; at is moved behind it. */
static char *
take_line(const char **at)
{
	int length = strcspn(*at, "\n");
	const char *start = *at;
	char *line;

	*at += length + ((*at)[length] == '\n');
	while (length > 0 && strchr(BLANKS, start[length - 1]))
		length--;
	line = pnstrdup(start, length);
	return line + strspn(line, BLANKS);
}

/* Splits "Key: value"; false if the line is prose. */
static bool
split_field(char *line, HeaderField *field)
{
	char *at = line;

	while ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at == '-' && at > line))
		at++;
	if (at == line || *at != ':' || (at[1] && !strchr(BLANKS, at[1])))
		return false;
	*at = '\0';
	field->key = line;
	field->value = at + 1 + strspn(at + 1, BLANKS);
	return true;
}

Header
header_read(const char *script)
{
	Header header = {NULL, 0};
	HeaderField *open = NULL;
	const char *at = script;

	for (int number = 1; *at; number++)
	{
		char *line = take_line(&at);
		HeaderField field = {NULL, NULL, number};
		bool indented;

		if (line[0] == '\0')
		{
			open = NULL;
			continue;
		}
		if (strncmp(line, "--", 2) != 0)
			break;
		line += 2;
		indented = strspn(line, BLANKS) >= 2;
		line += strspn(line, BLANKS);
		if (open && indented)
			open->value = psprintf("%s\n%s", open->value, line);
		else if (!indented && split_field(line, &field))
		{
			header.fields = pg_realloc(header.fields, (header.count + 1) * sizeof(HeaderField));
			header.fields[header.count] = field;
			open = &header.fields[header.count++];
		}
		else
			open = NULL;
	}
	return header;
}

const char *
header_value(const Header *header, const char *key)
{
	for (int at = 0; at < header->count; at++)
	{
		if (strcmp(header->fields[at].key, key) == 0)
			return header->fields[at].value;
	}
	return NULL;
}

const char *
header_misspelled(const char *key)
{
	for (int at = 0; at < lengthof(known_keys); at++)
	{
		if (pg_strcasecmp(known_keys[at], key) == 0)
			return strcmp(known_keys[at], key) == 0 ? NULL : known_keys[at];
	}
	return NULL;
}

void
header_each_name(const char *value, void (*act)(void *context, const char *name), void *context)
{
	char *state = NULL;

	for (char *name = strtok_r(pg_strdup(value), ", \t\r\n", &state); name;
		 name = strtok_r(NULL, ", \t\r\n", &state))
		act(context, name);
}
