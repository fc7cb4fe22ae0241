/*
 * cli/cmd_check.c: dbmaestro check
 *
 * Advice before a database is there; what may be deployed, the database
 * decides.
 */
#include "postgres_fe.h"

#include <regex.h>

#include "mb/pg_wchar.h"

#include "changes.h"
#include "commands.h"
#include "header.h"
#include "message.h"
#include "print.h"

static bool strict = false;

const Option check_options[] = {
	{OPTION_GROUP, .value = (void *) repository_options},
	{OPTION_FLAG, 0, "strict", &strict, NULL, "take warnings for errors"},
	{OPTION_END},
};

/* A change whose content is looked at. */
typedef struct Subject
{
	Changes *changes;
	const Change *change;
	const char *path;
	const char *content;
	size_t length;
	Header header;
	const char *key;			/* of the header field at hand */
	int line;
} Subject;

#define FINDINGS(subject) (&(subject)->changes->findings)

static int
line_of(const Subject *subject, const char *place)
{
	int line = 1;

	for (const char *at = subject->content; at < place; at++)
		line += *at == '\n';
	return line;
}

/* The first byte that is not part of UTF-8, or NULL. */
static const char *
find_invalid_byte(const char *content, size_t length)
{
	const unsigned char *at = (const unsigned char *) content;
	const unsigned char *end = at + length;

	while (at < end)
	{
		int width = pg_utf_mblen(at);

		if (*at == 0 || width > end - at || !pg_utf8_islegal(at, width))
			return (const char *) at;
		at += width;
	}
	return NULL;
}

static void
check_bytes(Subject *subject)
{
	const char *invalid = find_invalid_byte(subject->content, subject->length);
	const char *carriage_return = strstr(subject->content, "\r\n");

	if (invalid)
		findings_add(FINDINGS(subject), FINDING_ERROR, subject->path, line_of(subject, invalid),
					 "Save the file as UTF-8.", "holds the byte 0x%02x, which is not UTF-8",
					 (unsigned char) *invalid);
	if (subject->length >= 3 && memcmp(subject->content, "\xEF\xBB\xBF", 3) == 0)
		findings_add(FINDINGS(subject), FINDING_ERROR, subject->path, 1,
					 "Save the file without a byte order mark.", "begins with a byte order mark");
	if (carriage_return)
		findings_add(FINDINGS(subject), FINDING_WARNING, subject->path,
					 line_of(subject, carriage_return),
					 "Commit line feeds only: \"*.sql text eol=lf\" in .gitattributes.",
					 "has lines that end with a carriage return");
	if (strspn(subject->content, " \t\r\n\f") == subject->length)
		findings_add(FINDINGS(subject), FINDING_WARNING, subject->path, 0,
					 "Write a statement, or remove it.", "is empty");
}

static void
check_required(void *context, const char *name)
{
	Subject *subject = context;
	const Change *required = changes_find(subject->changes, name);

	if (required == NULL)
		findings_add(FINDINGS(subject), FINDING_ERROR, subject->path, subject->line,
					 "Correct the name, or commit that change too.",
					 "requires change \"%s\", which is not here", name);
	else if (required >= subject->change)
		findings_add(FINDINGS(subject), FINDING_ERROR, subject->path, subject->line,
					 "Give it a name behind that of the change that it requires.",
					 "requires change \"%s\", which comes behind it", name);
}

static void
check_header(Subject *subject)
{
	for (int at = 0; at < subject->header.count; at++)
	{
		const HeaderField *field = &subject->header.fields[at];
		const char *right = header_misspelled(field->key);

		subject->line = field->line;
		if (right)
			findings_add(FINDINGS(subject), FINDING_WARNING, subject->path, field->line,
						 "Keys of the header are spelled with capitals, as in \"Description\".",
						 "\"%s\" means nothing; \"%s\" would", field->key, right);
		else if (strcmp(field->key, "Requires") == 0)
			header_each_name(field->value, check_required, subject);
	}
}

static bool
is_yes(const char *value)
{
	return value && (pg_strcasecmp(value, "yes") == 0 || pg_strcasecmp(value, "true") == 0 ||
					 pg_strcasecmp(value, "on") == 0);
}

/* A change that cannot be taken back says so. */
static void
check_pair(Subject *subject)
{
	const char *irreversible = header_value(&subject->header, "Irreversible");
	bool reversible = irreversible == NULL || pg_strcasecmp(irreversible, "no") == 0;
	bool has_rollback = subject->change->rollback.path != NULL;

	if (subject->changes->config->rollback && reversible && !has_rollback)
		findings_add(FINDINGS(subject), FINDING_WARNING, subject->path, 0,
					 "Write one, or \"-- Irreversible: yes\" into the header.",
					 "has no rollback script");
	if (subject->change->repeatable && !is_yes(header_value(&subject->header, "Repeatable")))
		findings_add(FINDINGS(subject), FINDING_ERROR, subject->path, 0,
					 "Begin the script with \"-- Repeatable: yes\".",
					 "is among the repeatable scripts, but does not say that it is one");
}

static void
check_name(const Subject *subject, const regex_t *pattern)
{
	if (pattern && !subject->change->repeatable &&
		regexec(pattern, subject->change->name, 0, NULL, 0) != 0)
		findings_add(FINDINGS(subject), FINDING_ERROR, subject->path, 0,
					 "Run \"dbmaestro new\" for a name of that form, or set naming.pattern.",
					 "the name \"%s\" does not match %s", subject->change->name,
					 subject->changes->config->pattern);
}

static void
check_change(Changes *changes, const Change *change, const regex_t *pattern)
{
	Subject subject = {changes, change, change->script.path};
	char *content = repository_read(changes->repository, &change->script, &subject.length);
	char *rollback;

	subject.content = content;
	subject.header = header_read(content);
	check_name(&subject, pattern);
	check_bytes(&subject);
	check_header(&subject);
	check_pair(&subject);
	pg_free(content);
	if (change->rollback.path == NULL)
		return;
	subject.path = change->rollback.path;
	subject.content = rollback = repository_read(changes->repository, &change->rollback,
												 &subject.length);
	check_bytes(&subject);
	pg_free(rollback);
}

ExitCode
cmd_check(int count, char **arguments)
{
	const Config *config = config_load();
	Repository *repository = repository_open(config);
	Changes *changes = changes_read(config, repository);
	regex_t pattern;
	int errors;
	int warnings;

	/* config.c has compiled it once to see that it can be */
	if (config->pattern && regcomp(&pattern, config->pattern, REG_EXTENDED | REG_NOSUB) != 0)
		message_die(EXIT_ERROR, NULL, "out of memory");
	for (int at = 0; at < changes->count; at++)
		check_change(changes, &changes->items[at], config->pattern ? &pattern : NULL);
	errors = findings_count(&changes->findings, FINDING_ERROR);
	warnings = findings_count(&changes->findings, FINDING_WARNING);
	if (errors + warnings > 0 || print_is_json())
		print_rows(findings_rows(&changes->findings), NULL);
	message_info("%d %s in %s: %d %s, %d %s", changes->count,
				 changes->count == 1 ? "change" : "changes", repository_describe(repository),
				 errors, errors == 1 ? "error" : "errors", warnings,
				 warnings == 1 ? "warning" : "warnings");
	return errors > 0 || (strict && warnings > 0) ? EXIT_ERROR : EXIT_DONE;
}
