/*
 * cli/changes.c: the changes of a repository, in the order in which they are deployed
 */
#include "postgres_fe.h"

#include "mb/pg_wchar.h"

#include "changes.h"
#include "message.h"
#include "naming.h"
#include "sqitch_plan.h"

/* A rollback script, until it is given to its change. */
typedef struct Rollback
{
	char *name;
	SourceFile file;
	bool paired;
} Rollback;

/* What walking the folders collects. */
typedef struct Collector
{
	Changes *changes;
	Rollback *rollbacks;
	int rollback_count;
	const char *folder;			/* the one that is being walked */
	const char *script;			/* patterns that count in it, or NULL */
	const char *rollback;
	const char *repeatable;
} Collector;

static SourceFile
make_file(const Collector *collector, const char *path, const git_oid *id)
{
	return (SourceFile) {psprintf("%s/%s", collector->folder, path), *id};
}

static void
add_change(Collector *collector, char *name, bool repeatable, const char *path, const git_oid *id)
{
	Changes *changes = collector->changes;
	Change change = {name, repeatable, make_file(collector, path, id)};
	int count = changes->count++;

	if ((count & (count - 1)) == 0)
		changes->items = pg_realloc(changes->items, Max(count * 2, 16) * sizeof(Change));
	changes->items[count] = change;
}

static void
add_rollback(Collector *collector, char *name, const char *path, const git_oid *id)
{
	Rollback rollback = {name, make_file(collector, path, id)};
	int count = collector->rollback_count++;

	if ((count & (count - 1)) == 0)
		collector->rollbacks = pg_realloc(collector->rollbacks,
										  Max(count * 2, 16) * sizeof(Rollback));
	collector->rollbacks[count] = rollback;
}

static void
visit_file(Collector *collector, const char *path, const git_oid *id)
{
	char *name;
	int length = strlen(path);

	if (collector->rollback && (name = naming_match(collector->rollback, path)))
		add_rollback(collector, name, path, id);
	else if (collector->script && (name = naming_match(collector->script, path)))
		add_change(collector, name, false, path, id);
	else if (collector->repeatable && (name = naming_match(collector->repeatable, path)))
		add_change(collector, name, true, path, id);
	else if (length > 4 && strcmp(path + length - 4, ".sql") == 0)
		findings_add(&collector->changes->findings, FINDING_WARNING,
					 make_file(collector, path, id).path, 0,
					 "Rename it, or set naming.script and naming.rollback.",
					 "matches no pattern and is not deployed");
}

static void
visit_entry(void *context, EntryKind kind, const char *path, const git_oid *id)
{
	Collector *collector = context;
	Findings *findings = &collector->changes->findings;
	char *full = psprintf("%s/%s", collector->folder, path);

	switch (kind)
	{
		case ENTRY_FILE:
			visit_file(collector, path, id);
			break;
		case ENTRY_SYMLINK:
			findings_add(findings, FINDING_ERROR, full, 0,
						 "Put the file itself here: a commit must hold what is deployed.",
						 "is a symbolic link");
			break;
		case ENTRY_SUBMODULE:
			findings_add(findings, FINDING_ERROR, full, 0,
						 "Put its scripts here: a commit must hold what is deployed.",
						 "is a submodule");
			break;
		case ENTRY_FOLDER:
			findings_add(findings, FINDING_WARNING, full, 0,
						 "Move its scripts up, or set naming.script to \"**.sql\".",
						 "is a folder and not looked into");
			break;
	}
	pg_free(full);
}

static int
deepest(int left, int right)
{
	return left < 0 || right < 0 ? -1 : Max(left, right);
}

/* Beside repeatable scripts are their rollbacks, if those of the others are beside the others. */
static bool
holds_rollbacks(const Config *config, const char *folder)
{
	if (strcmp(folder, config->rollbacks) == 0)
		return true;
	return config->repeatables && strcmp(folder, config->repeatables) == 0 &&
		   strcmp(config->rollbacks, config->migrations) == 0;
}

/* Walks one folder with all the patterns that count in it. */
static bool
collect_folder(Collector *collector, const char *folder)
{
	const Config *config = collector->changes->config;
	bool scripts = strcmp(folder, config->migrations) == 0;
	bool repeatables = config->repeatables && strcmp(folder, config->repeatables) == 0;
	int depth = 0;

	collector->folder = folder;
	collector->script = scripts ? config->script : NULL;
	collector->repeatable = repeatables ? config->repeatable : NULL;
	collector->rollback = holds_rollbacks(config, folder) ? config->rollback : NULL;
	if (collector->script)
		depth = deepest(depth, naming_depth(collector->script));
	if (collector->rollback)
		depth = deepest(depth, naming_depth(collector->rollback));
	if (collector->repeatable)
		depth = deepest(depth, naming_depth(collector->repeatable));
	return repository_walk(collector->changes->repository, folder, depth, visit_entry, collector);
}

static void
collect_all(Collector *collector)
{
	const Config *config = collector->changes->config;

	if (!collect_folder(collector, config->migrations))
		message_die(EXIT_ERROR,
					"Commit it, set paths.migrations, or say --worktree for what is not committed.",
					"there is no folder \"%s\" in %s", config->migrations,
					repository_describe(collector->changes->repository));
	if (config->rollback && strcmp(config->rollbacks, config->migrations) != 0)
		(void) collect_folder(collector, config->rollbacks);
	if (config->repeatables && strcmp(config->repeatables, config->migrations) != 0 &&
		strcmp(config->repeatables, config->rollbacks) != 0)
		(void) collect_folder(collector, config->repeatables);
}

/* --- pairs ---------------------------------------------------------------- */

static int
compare_rollbacks(const void *left, const void *right)
{
	return strcmp(((const Rollback *) left)->name, ((const Rollback *) right)->name);
}

static void
pair_rollbacks(Collector *collector)
{
	Changes *changes = collector->changes;

	if (collector->rollback_count == 0)
		return;
	qsort(collector->rollbacks, collector->rollback_count, sizeof(Rollback), compare_rollbacks);
	for (int at = 0; at < changes->count; at++)
	{
		Rollback wanted = {.name = changes->items[at].name};
		Rollback *found = bsearch(&wanted, collector->rollbacks, collector->rollback_count,
								  sizeof(Rollback), compare_rollbacks);

		if (found)
		{
			changes->items[at].rollback = found->file;
			found->paired = true;
		}
	}
	for (int at = 0; at < collector->rollback_count; at++)
	{
		if (!collector->rollbacks[at].paired)
			findings_add(&changes->findings, FINDING_ERROR, collector->rollbacks[at].file.path, 0,
						 "Name it after the change that it takes back, or remove it.",
						 "is a rollback script, and there is no change \"%s\"",
						 collector->rollbacks[at].name);
	}
}

/* --- order ---------------------------------------------------------------- */

static int
compare_names(const void *left, const void *right)
{
	return strcmp(((const Change *) left)->name, ((const Change *) right)->name);
}

/* Repeatable changes come behind the versioned ones, which may make what they stand on. */
static int
compare_by_name(const void *left, const void *right)
{
	const Change *one = left;
	const Change *other = right;

	if (one->repeatable != other->repeatable)
		return one->repeatable ? 1 : -1;
	return strcmp(one->name, other->name);
}

static int
compare_by_number(const void *left, const void *right)
{
	const Change *one = left;
	const Change *other = right;

	if (one->repeatable || other->repeatable)
		return compare_by_name(left, right);
	return naming_compare_numbers(one->name, other->name);
}

static int
compare_by_date(const void *left, const void *right)
{
	const Change *one = left;
	const Change *other = right;

	if (one->repeatable || other->repeatable)
		return compare_by_name(left, right);
	return naming_compare_dates(one->name, other->name);
}

static int
compare_by_plan(const void *left, const void *right)
{
	const Change *one = left;
	const Change *other = right;

	if (one->repeatable || other->repeatable || one->position == other->position)
		return compare_by_name(left, right);
	return one->position - other->position;
}

static void
sort_changes(Changes *changes)
{
	const char *order = changes->config->order;

	if (changes->count == 0)
		return;
	qsort(changes->items, changes->count, sizeof(Change), compare_names);
	for (int at = 1; at < changes->count; at++)
	{
		if (strcmp(changes->items[at].name, changes->items[at - 1].name) == 0)
			findings_add(&changes->findings, FINDING_ERROR, changes->items[at].script.path, 0,
						 "Give one of them another name.", "is named as \"%s\": change \"%s\"",
						 changes->items[at - 1].script.path, changes->items[at].name);
	}
	if (strcmp(order, "number") == 0)
		qsort(changes->items, changes->count, sizeof(Change), compare_by_number);
	else if (strcmp(order, "date") == 0)
		qsort(changes->items, changes->count, sizeof(Change), compare_by_date);
	else if (strcmp(order, "plan") == 0)
	{
		sqitch_plan_apply(changes);
		qsort(changes->items, changes->count, sizeof(Change), compare_by_plan);
	}
	else
		qsort(changes->items, changes->count, sizeof(Change), compare_by_name);
}

static bool
is_utf8(const char *text)
{
	const unsigned char *at = (const unsigned char *) text;
	int left = strlen(text);

	while (left > 0)
	{
		int length = pg_utf_mblen(at);

		if (length > left || !pg_utf8_islegal(at, length))
			return false;
		at += length;
		left -= length;
	}
	return true;
}

/* The server speaks of a change by its name, and JSON carries it. */
static void
check_encodings(Changes *changes)
{
	for (int at = 0; at < changes->count; at++)
	{
		const char *name = changes->items[at].name;

		if (!is_utf8(name))
			findings_add(&changes->findings, FINDING_ERROR,
						 message_printable(changes->items[at].script.path), 0, "Rename the file.",
						 "has a name that is not UTF-8");
	}
}

Changes *
changes_read(const Config *config, Repository *repository)
{
	Changes *changes = pg_malloc0(sizeof(Changes));
	Collector collector = {.changes = changes};

	changes->config = config;
	changes->repository = repository;
	collect_all(&collector);
	pair_rollbacks(&collector);
	sort_changes(changes);
	check_encodings(changes);
	pg_free(collector.rollbacks);
	return changes;
}

Changes *
changes_read_sound(const Config *config, Repository *repository)
{
	Changes *changes = changes_read(config, repository);

	findings_require_none(&changes->findings);
	return changes;
}

static int
compare_to_name(const void *name, const void *item)
{
	return strcmp(name, (*(Change *const *) item)->name);
}

static int
compare_pointers(const void *left, const void *right)
{
	return compare_names(*(Change *const *) left, *(Change *const *) right);
}

const Change *
changes_find(Changes *changes, const char *name)
{
	Change **found;

	if (changes->count == 0)
		return NULL;
	if (changes->by_name == NULL)
	{
		changes->by_name = pg_malloc(changes->count * sizeof(Change *));
		for (int at = 0; at < changes->count; at++)
			changes->by_name[at] = &changes->items[at];
		qsort(changes->by_name, changes->count, sizeof(Change *), compare_pointers);
	}
	found = bsearch(name, changes->by_name, changes->count, sizeof(Change *), compare_to_name);
	return found ? *found : NULL;
}
