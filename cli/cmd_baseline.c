/*
 * cli/cmd_baseline.c: dbmaestro baseline ENVIRONMENT
 *
 * A repository without changes gets its first one out of the environment:
 * begin_repository.  One that has a baseline gives it to an environment with
 * the same schema: take_over.
 */
#include "postgres_fe.h"

#include <unistd.h>

#include "catalog/pg_type_d.h"

#include "baseline.h"
#include "changes.h"
#include "commands.h"
#include "commit.h"
#include "dump.h"
#include "file.h"
#include "fresh.h"
#include "header.h"
#include "message.h"
#include "naming.h"
#include "print.h"
#include "prompt.h"
#include "queries.h"
#include "table.h"

static bool accept_differences = false;
static bool no_commit = false;
static bool yes = false;
static char *pg_dump = NULL;
static char *scratch_conninfo = NULL;

const Option baseline_options[] = {
	{OPTION_TEXT, 0, "scratch", &scratch_conninfo, "CONNINFO",
	 "build the proof in this empty database; else one is made for it"},
	{OPTION_TEXT, 0, "pg-dump", &pg_dump, "PATH", "the pg_dump to use"},
	{OPTION_FLAG, 0, "accept-differences", &accept_differences, NULL,
	 "go on where a new database will not be quite the same"},
	{OPTION_FLAG, 0, "no-commit", &no_commit, NULL, "write the script, do not commit it"},
	{OPTION_FLAG, 'y', "yes", &yes, NULL, "do not ask"},
	{OPTION_GROUP, .value = (void *) repository_options},
	{OPTION_END},
};

/* --- the environment ----------------------------------------------------------------- */

/* All that the server would refuse in the end is refused before anything costs. */
static void
require_ready(const Baseline *baseline, bool fresh)
{
	const char *name = baseline->environment->name;
	PGresult *standing = connection_expect(baseline->connection,
										   queries_standing(baseline->connection));

	if (PQgetisnull(standing, 0, 0))
		message_die(EXIT_ERROR, psprintf("Run first: dbmaestro init %s", name),
					"database \"%s\" is no environment yet", PQdb(baseline->connection->pg));
	if (strcmp(PQgetvalue(standing, 0, 0), name) != 0)
		message_die(EXIT_IDENTITY,
					"Give each environment in the configuration the database that it is.",
					"database \"%s\" is environment \"%s\", not \"%s\"",
					PQdb(baseline->connection->pg), PQgetvalue(standing, 0, 0), name);
	if (strcmp(PQgetvalue(standing, 0, 1), "detached") == 0)
		message_die(
			EXIT_IDENTITY,
			psprintf("If it is to be \"%s\", run: dbmaestro attach %s --reason '...'", name, name),
			"database \"%s\" is a copy of environment \"%s\"", PQdb(baseline->connection->pg),
			name);
	if (fresh && strcmp(PQgetvalue(standing, 0, 5), "0") != 0)
		message_die(EXIT_ERROR,
					"Check out the repository that they came from; a baseline comes before them.",
					"%s changes are applied in environment \"%s\" already",
					PQgetvalue(standing, 0, 5), name);
	PQclear(standing);
}

/* --- telling --------------------------------------------------------------------------- */

static void
print_outcome(const Baseline *baseline, const char *root, const PGresult *marked)
{
	static const TableColumn columns[] = {
		{"environment", TEXTOID}, {"change", TEXTOID}, {"outcome", TEXTOID},
		{"run", INT8OID},         {"root", TEXTOID},   {"path", TEXTOID},
		{"commit", TEXTOID},      {"tag", TEXTOID},    {NULL, 0}};
	PGresult *table = table_make(columns);

	table_add(table, baseline->environment->name, baseline->change, PQgetvalue(marked, 0, 0),
			  PQgetvalue(marked, 0, 1), root, baseline->path, baseline->commit,
			  baseline->commit ? baseline->tag : NULL);
	print_rows(table, NULL);
	PQclear(table);
}

static const char *
plural(int count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}

/* What the script does not hold, so that nobody finds out in the next environment. */
static void
tell_of_rest(const Baseline *baseline, const DumpScript *script)
{
	PGresult *likeness = connection_expect(baseline->connection,
										   queries_likeness(baseline->connection));

	if (script->secrets > 0)
	{
		message_warning("%d %s left out of the script", script->secrets,
						plural(script->secrets, "password was", "passwords were"));
		message_hint("Set them where the script has run: ALTER USER MAPPING, ALTER SUBSCRIPTION.");
	}
	if (PQgetvalue(likeness, 0, 2)[0] == 't')
		message_info("not in the script: settings of the database (ALTER DATABASE ... SET)");
	message_info("not in the script: roles, rows of tables, positions of sequences");
	PQclear(likeness);
}

/* --- recording it -------------------------------------------------------------------------- */

/* The script that lies in its folder but is not recorded yet; removed at exit. */
static char *written = NULL;

static void
remove_written(void)
{
	if (written)
		(void) unlink(written);
}

static void
write_file(const Baseline *baseline)
{
	char *path = psprintf("%s/%s", baseline->config->directory, baseline->path);

	if (!file_create(path, baseline->script))
		message_die(EXIT_ERROR, "Move it away.", "file \"%s\" exists already", baseline->path);
	written = path;
	atexit(remove_written);
}

/*
 * The repository has the baseline by now: an environment that does not know of
 * it, or of which nobody knows, takes it over.
 */
static void
commit_record(const Baseline *baseline)
{
	Connection *connection = baseline->connection;
	PGresult *result = queries_commit(connection);
	ExitCode code;

	if (connection_succeeded(result))
	{
		PQclear(result);
		return;
	}
	code = message_server_error(result);
	message_error("the script is in the repository, but \"%s\" %s", baseline->environment->name,
				  connection_is_lost(connection) ? "may not know of it" : "does not know of it");
	message_hint("Run \"dbmaestro baseline %s\" again: it records what is missing.",
				 baseline->environment->name);
	exit(connection_is_lost(connection) ? EXIT_INTERRUPTED : code);
}

/* The server's word first: what it refuses must not be in the repository. */
static void
mark(const Baseline *baseline, Commit *commit, const char *root)
{
	Connection *connection = baseline->connection;
	char *claims = json_dumps(baseline->claims, JSON_COMPACT);
	PGresult *marked;

	if (connection_interrupted())
		exit(EXIT_INTERRUPTED);
	connection_protect(connection);
	PQclear(connection_expect(connection, queries_begin(connection)));
	marked = connection_expect(connection,
							   queries_baseline(connection, baseline->change, baseline->script,
												baseline->length, baseline->rollback,
												baseline->rollback_length, claims, root));
	if (connection_interrupted() ||
		(commit && !commit_publish(commit, psprintf("Baseline of environment \"%s\"\n\nRoot: %s\n",
													baseline->environment->name, root))))
		exit(connection_interrupted() ? EXIT_INTERRUPTED : EXIT_ERROR);
	/* from here on it is in the repository, or the server has it; the next attempt would take it over */
	written = NULL;
	commit_record(baseline);
	print_outcome(baseline, root, marked);
	PQclear(marked);
	free(claims);
}

/* --- a repository that has a baseline -------------------------------------------------------- */

static char *
read_file(Repository *repository, const SourceFile *file, size_t *length)
{
	return file->path ? repository_read(repository, file, length) : NULL;
}

/* Finds the change whose header says that it is a baseline; false if there is none. */
static bool
find_baseline(Changes *changes, Baseline *baseline)
{
	for (int at = 0; at < changes->count; at++)
	{
		const Change *change = &changes->items[at];
		size_t length;
		char *script = repository_read(changes->repository, &change->script, &length);
		Header header = header_read(script);
		const char *roots = header_value(&header, "Baseline");

		if (roots && !change->repeatable)
		{
			baseline->change = change->name;
			baseline->path = change->script.path;
			baseline->script = script;
			baseline->length = length;
			baseline->rollback = read_file(changes->repository, &change->rollback,
										   &baseline->rollback_length);
			baseline->roots = pg_strdup(roots);
			return true;
		}
		pg_free(script);
	}
	return false;
}

static void
note_root(void *context, const char *name)
{
	const char **wanted = context;

	if (*wanted && strcmp(*wanted, name) == 0)
		*wanted = NULL;
}

/* Is the root hash one of those in the header? */
static bool
is_among(const char *roots, const char *root)
{
	const char *wanted = root;

	header_each_name(roots, note_root, &wanted);
	return wanted == NULL;
}

/* An environment with the same root hash has the same schema; with another one it may still have it. */
static void
take_over(Baseline *baseline, Repository *repository)
{
	char *root = baseline_root(baseline);

	baseline->claims = repository_claims(repository);
	if (!is_among(baseline->roots, root))
		baseline->program = dump_find_program(pg_dump, baseline->connection);
	if (!yes &&
		!prompt_yes("Record change \"%s\" of %s as applied in \"%s\", without running it?",
					baseline->change, repository_describe(repository), baseline->environment->name))
		message_die(EXIT_ERROR, NULL, "nothing was changed");
	if (!is_among(baseline->roots, root))
		root = baseline_prove_twin(baseline, scratch_conninfo);
	mark(baseline, NULL, root);
}

/* --- a repository that has none ---------------------------------------------------------------- */

/* Puts the header before what the dump became. */
static void
put_header(Baseline *baseline, const DumpScript *script)
{
	baseline->script = psprintf(
		"-- Description: Baseline of environment \"%s\"\n"
		"-- Baseline: %s\n"
		"-- Irreversible: what was there before dbmaestro is not its to take back\n"
		"%s\n%s",
		baseline->environment->name, baseline->roots,
		baseline->exceptions ? baseline->exceptions : "", script->text->data);
	baseline->length = strlen(baseline->script);
}

static void
require_something(const Baseline *baseline, const DumpScript *script)
{
	if (script->statements == 0)
		message_die(EXIT_ERROR, "Write the first change with \"dbmaestro new\", and deploy it.",
					"there is nothing in \"%s\" to make a baseline of",
					baseline->environment->name);
}

static void
warn_of_grantors(const DumpScript *script)
{
	if (script->grantors > 0)
		message_warning("privileges that were granted by others than the owner of an object will "
						"be the owner's");
}

/* The script, proven; its header names what it makes in both readings, if there are two. */
static char *
make_script(Baseline *baseline)
{
	char *root;
	char *made;
	DumpScript script = baseline_dump(baseline, &root);

	require_something(baseline, &script);
	warn_of_grantors(&script);
	baseline->roots = root;
	put_header(baseline, &script);
	made = baseline_prove(baseline, scratch_conninfo, root);
	if (strcmp(made, root) != 0)
	{
		baseline->roots = psprintf("%s, %s", root, made);
		pg_free(baseline->script);
		put_header(baseline, &script);
	}
	tell_of_rest(baseline, &script);
	return root;
}

static void
begin_repository(Baseline *baseline)
{
	Commit *commit = NULL;
	char *root;

	baseline->tag = psprintf("dbmaestro/baseline/%s", baseline->environment->name);
	if (!no_commit)
		commit = commit_prepare(baseline->config, baseline->tag);
	baseline->program = dump_find_program(pg_dump, baseline->connection);
	if (!yes && !prompt_yes("Make a script of the schema of \"%s\" and record it as applied there?",
							baseline->environment->name))
		message_die(EXIT_ERROR, NULL, "nothing was changed");

	baseline->change = fresh_name(baseline->config, "baseline");
	baseline->path = psprintf("%s/%s", baseline->config->migrations,
							  naming_expand(baseline->config->script, baseline->change));
	root = make_script(baseline);
	write_file(baseline);
	if (commit)
		baseline->commit = commit_make(
			commit, baseline->path, baseline->script, baseline->length,
			psprintf("Baseline of environment \"%s\"\n", baseline->environment->name));
	baseline->claims = commit ? commit_claims(commit)
							  : repository_claims(repository_open_worktree(baseline->config));
	mark(baseline, commit, root);
}

static void
visit_nothing(void *context, EntryKind kind, const char *path, const git_oid *id)
{
}

/* A repository with nothing in it yet is one without changes. */
static Changes *
read_changes(const Config *config)
{
	Repository *repository;

	if (!repository_is_worktree() && !commit_has_head(config))
		return NULL;
	repository = repository_open(config);
	if (!repository_walk(repository, config->migrations, 0, visit_nothing, NULL))
		return NULL;
	return changes_read_sound(config, repository);
}

ExitCode
cmd_baseline(int count, char **arguments)
{
	Baseline baseline = {.config = config_load(), .accept = accept_differences};
	Changes *changes;
	bool found;

	baseline.environment = config_environment(baseline.config, arguments[0]);
	changes = read_changes(baseline.config);
	found = changes && find_baseline(changes, &baseline);
	if (!found && changes && changes->count > 0)
		message_die(EXIT_ERROR,
					"A baseline is made in a repository without changes, and later ones are put "
					"behind it.",
					"%s has %d %s already, and none is a baseline",
					repository_describe(changes->repository), changes->count,
					plural(changes->count, "change", "changes"));
	no_commit = no_commit || repository_is_worktree();
	baseline.connection = connection_open(baseline.environment);
	require_ready(&baseline, !found);
	if (found)
		take_over(&baseline, changes->repository);
	else
		begin_repository(&baseline);
	connection_close(baseline.connection);
	return EXIT_DONE;
}
