/*
 * script/meta_command.c: what psql would do itself
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "core/errors.h"
#include "script/meta_command.h"

typedef struct MetaCommand
{
	const char *name;
	const char *hint; /* NULL: skip the line */
} MetaCommand;

static const MetaCommand meta_commands[] = {
	{"restrict", NULL},
	{"unrestrict", NULL},
	{"copy",
	 "Write COPY ... FROM STDIN; and put the data into the lines that follow, up to one that holds only \\."},
	{".", "A line \\. ends the data of COPY ... FROM STDIN; there is none here."},
	{"i", "Put the statements of the file into this script, or make the file a change of its own."},
	{"ir",
	 "Put the statements of the file into this script, or make the file a change of its own."},
	{"include",
	 "Put the statements of the file into this script, or make the file a change of its own."},
	{"c", "A change runs in the database and as the role that dbmaestro is set up for."},
	{"connect", "A change runs in the database and as the role that dbmaestro is set up for."},
	{"set", "Write the value itself where the variable is used."},
	{"gexec", "Write the statements themselves, or use a DO block with EXECUTE."},
	{"if", "Use a DO block with IF."},
};

static const char *const general_hint = "A script runs inside the server: use SQL only.";

/* A meta-command ends at white space or at the next one; \; is one character. */
static char *
read_name(const DbmScript *script, Size offset)
{
	const char *start = script->text + offset + 1;
	const char *end = script->text + script->length;
	const char *at = start;

	while (at < end && !strchr(" \t\r\n\f\\", *at) && (at == start || *start != ';'))
		at += pg_mblen(at);
	return pnstrdup(start, pg_mbcliplen(start, at - start, NAMEDATALEN));
}

static const MetaCommand *
find_meta_command(const char *name)
{
	for (int row = 0; row < lengthof(meta_commands); row++)
		if (strcmp(meta_commands[row].name, name) == 0)
			return &meta_commands[row];
	return NULL;
}

Size
dbm_meta_command_skip(const DbmScript *script, Size offset)
{
	char *name = read_name(script, offset);
	const MetaCommand *known = find_meta_command(name);
	const char *newline;

	if (known == NULL || known->hint)
		ereport(ERROR, (errcode(ERRCODE_DBM_SCRIPT_REFUSED),
						errmsg("cannot run psql meta-command \\%s in a script", name),
						errdetail("It is at line %d, and only psql knows it.",
								  dbm_script_line(script, offset)),
						errhint("%s", known ? known->hint : general_hint)));
	pfree(name);
	newline = memchr(script->text + offset, '\n', script->length - offset);
	return newline ? newline + 1 - script->text : script->length;
}
