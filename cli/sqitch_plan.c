/*
 * cli/sqitch_plan.c: the order of changes that sqitch.plan gives
 *
 * Only the names count: a line is a change unless it is blank or begins with
 * %, @ or #.  What stands behind the name (needs, time, planner) is for sqitch.
 */
#include "postgres_fe.h"

#include "message.h"
#include "sqitch_plan.h"

#define PLAN_NAME "sqitch.plan"

static Change *
find_versioned(Changes *changes, const char *name)
{
	for (int low = 0, high = changes->count - 1; low <= high;)
	{
		int middle = (low + high) / 2;
		int difference = strcmp(name, changes->items[middle].name);

		if (difference == 0)
			return changes->items[middle].repeatable ? NULL : &changes->items[middle];
		if (difference < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return NULL;
}

static void
place_change(Changes *changes, const char *name, int line)
{
	Change *change = find_versioned(changes, name);

	if (change == NULL)
		findings_add(&changes->findings, FINDING_ERROR, PLAN_NAME, line,
					 "Commit the script, or take the line out.", "change \"%s\" has no script",
					 name);
	else if (change->position >= 0)
		findings_add(&changes->findings, FINDING_ERROR, PLAN_NAME, line,
					 "A reworked change is another change: give it another name.",
					 "change \"%s\" is planned twice", name);
	else
		change->position = line;
}

void
sqitch_plan_apply(Changes *changes)
{
	SourceFile file;
	size_t length;
	char *text;
	int number = 0;

	if (!repository_find(changes->repository, PLAN_NAME, &file))
		message_die(EXIT_ERROR, "Commit it, or set naming.order.",
					"there is no " PLAN_NAME " in %s", repository_describe(changes->repository));
	for (int at = 0; at < changes->count; at++)
		changes->items[at].position = -1;
	text = repository_read(changes->repository, &file, &length);
	for (char *line = text; line; number++)
	{
		char *newline = strchr(line, '\n');
		char *name = line + strspn(line, " \t");

		if (newline)
			*newline = '\0';
		name[strcspn(name, " \t\r")] = '\0';
		if (name[0] && !strchr("%@#", name[0]))
			place_change(changes, name, number + 1);
		line = newline ? newline + 1 : NULL;
	}
	for (int at = 0; at < changes->count; at++)
	{
		if (changes->items[at].position < 0 && !changes->items[at].repeatable)
			findings_add(&changes->findings, FINDING_ERROR, changes->items[at].script.path, 0,
						 "Add it to " PLAN_NAME ", or remove it.", "is not in " PLAN_NAME);
	}
	pg_free(text);
}
