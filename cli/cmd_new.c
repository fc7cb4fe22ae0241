/*
 * cli/cmd_new.c: dbmaestro new SLUG
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "changes.h"
#include "commands.h"
#include "file.h"
#include "fresh.h"
#include "message.h"
#include "naming.h"
#include "print.h"
#include "repository.h"
#include "table.h"

static char *description = "";
static char *issue = "";
static bool irreversible = false;

const Option new_options[] = {
	{OPTION_TEXT, 'm', "description", &description, "TEXT", "what the change is for"},
	{OPTION_TEXT, 0, "issue", &issue, "ISSUE", "where it was asked for"},
	{OPTION_FLAG, 0, "irreversible", &irreversible, NULL, "it cannot be taken back"},
	{OPTION_END},
};

/* What people type ("Create orders") as a part of a name (create_orders). */
static char *
normalise_slug(const char *given)
{
	char *slug = pg_strdup(given);

	for (char *at = slug; *at; at++)
	{
		*at = pg_ascii_tolower((unsigned char) *at);
		if (*at == ' ' || *at == '-')
			*at = '_';
		if (!(*at >= 'a' && *at <= 'z') && !(*at >= '0' && *at <= '9') && *at != '_')
			message_die(EXIT_USAGE, "Use letters, digits and underscores, as in create_orders.",
						"invalid slug: \"%s\"", given);
	}
	if (slug[0] == '\0' || slug[0] == '_')
		message_die(EXIT_USAGE, "Use letters, digits and underscores, as in create_orders.",
					"invalid slug: \"%s\"", given);
	return slug;
}

static char *
path_on_disk(const Config *config, const char *path)
{
	return psprintf("%s/%s", config->directory, path);
}

/* Writes a file that must not exist yet. */
static void
write_file(const Config *config, const char *path, const char *content)
{
	if (!file_create(path_on_disk(config, path), content))
		message_die(EXIT_ERROR, "Choose another slug.", "file \"%s\" exists already", path);
}

static char *
script_template(void)
{
	return psprintf("-- Description: %s\n"
					"-- Issue: %s\n"
					"%s"
					"\n",
					description, issue, irreversible ? "-- Irreversible: yes\n" : "");
}

ExitCode
cmd_new(int count, char **arguments)
{
	static const TableColumn columns[] = {{"path", TEXTOID}, {NULL, 0}};
	const Config *config = config_load();
	char *change = fresh_name(config, normalise_slug(arguments[0]));
	char *script = psprintf("%s/%s", config->migrations, naming_expand(config->script, change));
	PGresult *written = table_make(columns);
	Repository *repository = repository_open_worktree(config);

	repository_require_own(repository, config->migrations);
	if (config->rollback)
		repository_require_own(repository, config->rollbacks);
	write_file(config, script, script_template());
	table_add(written, script);
	if (config->rollback && !irreversible)
	{
		char *rollback = psprintf("%s/%s", config->rollbacks,
								  naming_expand(config->rollback, change));

		write_file(config, rollback, psprintf("-- Takes back %s\n\n", change));
		table_add(written, rollback);
	}
	print_rows(written, NULL);
	PQclear(written);
	return EXIT_DONE;
}
