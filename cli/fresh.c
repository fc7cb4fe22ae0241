/*
 * cli/fresh.c: names of new changes
 */
#include "postgres_fe.h"

#include <time.h>

#include "fresh.h"
#include "message.h"
#include "naming.h"
#include "repository.h"

static void
note_number(void *context, EntryKind kind, const char *path, const git_oid *id)
{
	long *greatest = context;
	long number = strtol(path + strcspn(path, "0123456789"), NULL, 10);

	*greatest = Max(*greatest, number);
}

/* The number behind the greatest that is in use, and as wide as people write it. */
static char *
next_number(const Config *config, const char *style)
{
	long greatest = 0;

	(void) repository_walk(repository_open_worktree(config), config->migrations, -1, note_number,
						   &greatest);
	if (strcmp(style, "flyway") == 0)
		return psprintf("%ld__", greatest + 1);
	return psprintf(strcmp(style, "golang-migrate") == 0 ? "%06ld_" : "%03ld_", greatest + 1);
}

char *
fresh_name(const Config *config, const char *slug)
{
	const NamingStyle *style = naming_style(config->style);
	time_t now = time(NULL);
	char text[64];

	if (style->fresh == NULL)
		message_die(EXIT_USAGE, "Add it with \"sqitch add\".", "the plan of changes is not ours");
	if (strcmp(style->fresh, "#") == 0)
		return psprintf("%s%s", next_number(config, style->name), slug);
	strftime(text, sizeof(text), style->fresh, gmtime(&now));
	return psprintf("%s%s", text, slug);
}
