/*
 * cli/ownership.c: a repository that belongs to another user
 *
 * Its configuration could name programs to run, so that Git opens it only if
 * safe.directory of the user's or the system's configuration names it.  libgit2
 * does the same, with two gaps that are closed here: without any such
 * configuration it finds no repository at all, and before 1.6 it does not know
 * the "*" that stands for all.
 */
#include "postgres_fe.h"

#include <sys/stat.h>
#include <unistd.h>

#include <git2.h>

#include "ownership.h"

static bool
is_foreign(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && status.st_uid != geteuid();
}

char *
ownership_foreign(const char *directory)
{
	char *root = pg_strdup(directory);

	for (;;)
	{
		char *slash = strrchr(root, '/');
		char *git = psprintf("%s/.git", root);
		bool found = access(git, F_OK) == 0;
		bool foreign = found && (is_foreign(root) || is_foreign(git));

		pg_free(git);
		if (foreign)
			return root;
		if (found || slash == NULL || slash == root)
			break;
		*slash = '\0';
	}
	pg_free(root);
	return NULL;
}

/* As Git reads it: an empty value takes back what was said before. */
static int
take_directory(const git_config_entry *entry, void *context)
{
	bool *all = context;

	if (entry->value == NULL || entry->value[0] == '\0')
		*all = false;
	else if (strcmp(entry->value, "*") == 0)
		*all = true;
	return 0;
}

bool
ownership_trusts_all(void)
{
	git_config *config;
	bool all = false;

	/* what the repository says of itself is not among this */
	if (git_config_open_default(&config) != 0)
		return false;
	(void) git_config_get_multivar_foreach(config, "safe.directory", NULL, take_directory, &all);
	git_config_free(config);
	return all;
}
