/*
 * cli/skeleton.c: the files that a new repository begins with
 */
#include "postgres_fe.h"

#include <unistd.h>

#include "compat.h"
#include "config.h"
#include "file.h"
#include "message.h"
#include "options.h"
#include "skeleton.h"
#include "table.h"

/* Where each text goes. */
static const struct
{
	const char *text;
	const char *path;
} places[] = {
	{"playbook.md", "PLAYBOOK.md"},
	{"gitattributes", ".gitattributes"},
	{"github-actions.yml", "ci/github-actions.yml"},
	{"gitlab-ci.yml", "ci/gitlab-ci.yml"},
	{"Jenkinsfile", "ci/Jenkinsfile"},
};

static const char *
find_text(const char *name)
{
	for (const SkeletonText *text = skeleton_texts; text->name; text++)
	{
		if (strcmp(text->name, name) == 0)
			return text->text;
	}
	message_die(EXIT_ERROR, NULL, "there is no text \"%s\"", name);
}

static void
write_text(PGresult *table, const char *path, const char *text)
{
	table_add(table, path, file_create(path, text) ? "created" : "left alone");
}

/* The text with every occurrence of a word replaced. */
static char *
replace(const char *text, const char *word, const char *value)
{
	char *result = pg_strdup("");
	const char *found;

	while ((found = strstr(text, word)) != NULL)
	{
		result = psprintf("%s%.*s%s", result, (int) (found - text), text, value);
		text = found + strlen(word);
	}
	return psprintf("%s%s", result, text);
}

/* A value of the configuration, quoted as Git's syntax wants it. */
static char *
quote_value(const char *value)
{
	char *quoted = pg_strdup("\"");

	for (; *value; value++)
		quoted = psprintf("%s%s%c", quoted, *value == '"' || *value == '\\' ? "\\" : "", *value);
	return psprintf("%s\"", quoted);
}

/* A repository is named as its folder until somebody gives it another name. */
static char *
make_configuration(const char *style)
{
	char *directory = getcwd(NULL, 0);
	const char *name;
	char *text;

	if (directory == NULL)
		message_die(EXIT_ERROR, NULL, "could not get current directory: %m");
	name = strrchr(directory, '/') + 1;
	text = replace(find_text("dbmaestro.conf"), "@project@",
				   quote_value(message_printable(name[0] ? name : "database")));
	return replace(text, "@style@", style ? psprintf("style = %s", style) : "; style = dbmaestro");
}

/* Git keeps no empty folder. */
static void
write_folder(PGresult *table, const char *folder)
{
	char *path = psprintf("%s/.gitkeep", folder);

	if (access(folder, F_OK) == 0)
		table_add(table, psprintf("%s/", folder), "left alone");
	else
		write_text(table, path, "");
}

void
skeleton_write(const char *style, PGresult *table)
{
	const Config *config;

	write_text(table, "dbmaestro.conf", make_configuration(style));
	/* whoever wrote it, it says where the scripts are */
	option_config = "dbmaestro.conf";
	config = config_load();
	if (style && strcmp(config->style, style) != 0)
		message_die(EXIT_ERROR, "Set naming.style there, or leave --style out.",
					"dbmaestro.conf is there already, and its naming.style is \"%s\"",
					config->style);
	write_folder(table, config->migrations);
	if (config->rollback && strcmp(config->rollbacks, config->migrations) != 0)
		write_folder(table, config->rollbacks);
	if (config->repeatables && strcmp(config->repeatables, config->migrations) != 0)
		write_folder(table, config->repeatables);
	for (int at = 0; at < lengthof(places); at++)
		write_text(table, places[at].path, find_text(places[at].text));
}
