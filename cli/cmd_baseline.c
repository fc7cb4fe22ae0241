/*
 * cli/cmd_baseline.c: dbmaestro baseline ENVIRONMENT
 *
 * A repository without changes gets its first one out of the environment:
 * begin_repository.  One that has a baseline gives it to an environment with
 * the same schema: take_over.
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "changes.h"
#include "commands.h"
#include "commit.h"
#include "dump.h"
#include "dump_script.h"
#include "file.h"
#include "fresh.h"
#include "header.h"
#include "message.h"
#include "naming.h"
#include "print.h"
#include "prompt.h"
#include "queries.h"
#include "schema_diff.h"
#include "scratch.h"
#include "table.h"

static bool no_commit = false;
static bool yes = false;
static char *pg_dump = NULL;
static char *scratch_conninfo = NULL;

const Option baseline_options[] = {
	{OPTION_TEXT, 0, "scratch", &scratch_conninfo, "CONNINFO",
	 "build the proof in this empty database; else one is made for it"},
	{OPTION_TEXT, 0, "pg-dump", &pg_dump, "PATH", "the pg_dump to use"},
	{OPTION_FLAG, 0, "no-commit", &no_commit, NULL, "write the script, do not commit it"},
	{OPTION_FLAG, 'y', "yes", &yes, NULL, "do not ask"},
	{OPTION_GROUP, .value = (void *) repository_options},
	{OPTION_END},
};

/* The script of a baseline, and what is known of it. */
typedef struct Baseline
{
	const Config *config;
	const Environment *environment;
	Connection *connection;
	char *change;
	char *path;					/* of the script, relative to the configuration */
	char *script;
	size_t length;
	char *rollback;				/* NULL: none */
	size_t rollback_length;
	char *root;					/* that the script makes, as its header says */
	json_t *claims;
	char *commit;				/* NULL: none was made */
	char *tag;
} Baseline;

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

static char *
read_root(const Baseline *baseline)
{
	PGresult *result = connection_expect(baseline->connection,
										 queries_schema_hash(baseline->connection));
	char *root = pg_strdup(PQgetvalue(result, 0, 0));

	PQclear(result);
	return root;
}

/* --- telling --------------------------------------------------------------------------- */

static void
print_outcome(const Baseline *baseline, const PGresult *marked)
{
	static const TableColumn columns[] = {
		{"environment", TEXTOID}, {"change", TEXTOID}, {"outcome", TEXTOID},
		{"run", INT8OID},         {"root", TEXTOID},   {"path", TEXTOID},
		{"commit", TEXTOID},      {"tag", TEXTOID},    {NULL, 0}};
	PGresult *table = table_make(columns);

	table_add(table, baseline->environment->name, baseline->change, PQgetvalue(marked, 0, 0),
			  PQgetvalue(marked, 0, 1), baseline->root, baseline->path, baseline->commit,
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

/* --- the proof -------------------------------------------------------------------------- */

/* The difference as rows; the program ends with the exit code for drift. */
DBM_NORETURN static void
end_with_difference(PGresult *difference, const char *hint, const char *message)
{
	print_rows(difference, NULL);
	(void) print_end();
	message_error("%s", message);
	message_hint("%s", hint);
	exit(EXIT_DRIFT);
}

/* Writes the script where it would have gone, for whoever has to find out. */
static void
leave_script(const Baseline *baseline)
{
	if (file_create(psprintf("%s/%s", baseline->config->directory, baseline->path),
					baseline->script))
		message_info("the script is in \"%s\"; it is not committed", baseline->path);
}

DBM_NORETURN static void
end_with_error(const Baseline *baseline, const PGresult *error, bool leave)
{
	const char *code = PQresultErrorField(error, PG_DIAG_SQLSTATE);
	ExitCode exit_code = message_server_error(error);

	message_error("the script of the baseline cannot be applied to an empty database");
	/* a password is not to lie around in a file */
	if (leave && !(code && strcmp(code, "MA023") == 0))
		leave_script(baseline);
	exit(exit_code);
}

/*
 * Has an empty database show that the script makes the schema of the
 * environment.  Returns the root hash of what it makes.
 */
static char *
prove(const Baseline *baseline, bool fresh)
{
	Scratch *scratch = scratch_open(baseline->connection, scratch_conninfo);
	PGresult *error = NULL;
	PGresult *live;
	PGresult *built;
	PGresult *difference;
	char *root = NULL;

	message_info("building the schema in database \"%s\"", scratch_name(scratch));
	built = scratch_build(scratch, baseline->change, baseline->script, baseline->length, &root,
						  &error);
	scratch_close(scratch);
	if (built == NULL)
		end_with_error(baseline, error, fresh);
	live = connection_expect(baseline->connection, queries_objects(baseline->connection));
	difference = schema_diff(live, built, baseline->environment->name, false);
	schema_diff_note_extras(live, built);
	if (PQntuples(difference) > 0)
	{
		if (fresh)
			leave_script(baseline);
		end_with_difference(
			difference,
			fresh
				? "Correct these objects in the environment, and see doc/baseline.md for what no "
					"dump can hold; then run it again."
				  : "Bring it to the schema of the baseline first, or change the schema by a change "
					"once it is there.",
			psprintf("the schema of \"%s\" is not what the script makes: %d %s",
					 baseline->environment->name, PQntuples(difference),
					 plural(PQntuples(difference), "object differs", "objects differ")));
	}
	PQclear(difference);
	PQclear(built);
	PQclear(live);
	return root;
}

/* --- recording it -------------------------------------------------------------------------- */

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
	connection_release();
	PQclear(connection_expect(connection, queries_commit(connection)));
	print_outcome(baseline, marked);
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
		const char *root = header_value(&header, "Baseline");

		if (root && !change->repeatable)
		{
			baseline->change = change->name;
			baseline->path = change->script.path;
			baseline->script = script;
			baseline->length = length;
			baseline->rollback = read_file(changes->repository, &change->rollback,
										   &baseline->rollback_length);
			baseline->root = pg_strdup(root);
			return true;
		}
		pg_free(script);
	}
	return false;
}

/*
 * An environment with the same root hash has the same schema.  With another one
 * it may still be the same to another version of the server: then the script
 * itself shows it, on that server.
 */
static void
take_over(Baseline *baseline, Repository *repository)
{
	char *live = read_root(baseline);

	baseline->claims = repository_claims(repository);
	if (!yes &&
		!prompt_yes("Record change \"%s\" of %s as applied in \"%s\", without running it?",
					baseline->change, repository_describe(repository), baseline->environment->name))
		message_die(EXIT_ERROR, NULL, "nothing was changed");
	if (strcmp(live, baseline->root) != 0)
		baseline->root = prove(baseline, false);
	mark(baseline, NULL, baseline->root);
}

/* --- a repository that has none ---------------------------------------------------------------- */

static char *
make_head(const Baseline *baseline)
{
	return psprintf("-- Description: Baseline of environment \"%s\"\n"
					"-- Baseline: %s\n"
					"-- Irreversible: what was there before dbmaestro is not its to take back\n"
					"\n",
					baseline->environment->name, baseline->root);
}

static bool
has_public(const Baseline *baseline)
{
	PGresult *likeness = connection_expect(baseline->connection,
										   queries_likeness(baseline->connection));
	bool has = PQgetvalue(likeness, 0, 1)[0] == 't';

	PQclear(likeness);
	return has;
}

/* The live schema as a script; it must stay the same while it is read. */
static DumpScript
write_script(Baseline *baseline, const char *program)
{
	DumpScript script;
	char *dump;

	connection_protect(baseline->connection);
	baseline->root = read_root(baseline);
	dump = dump_schema(program, baseline->connection);
	if (dump == NULL)
		exit(connection_interrupted() ? EXIT_INTERRUPTED : EXIT_ERROR);
	if (strcmp(read_root(baseline), baseline->root) != 0)
		message_die(EXIT_DRIFT, "Run it again when nobody else changes the schema.",
					"the schema of \"%s\" changed while it was read", baseline->environment->name);
	script = dump_script_make(dump, make_head(baseline), baseline->connection->schema,
							  has_public(baseline));
	connection_unprotect();
	pg_free(dump);
	if (PQExpBufferBroken(script.text))
		message_die(EXIT_ERROR, NULL, "out of memory");
	if (script.statements == 0)
		message_die(EXIT_ERROR, "Write the first change with \"dbmaestro new\", and deploy it.",
					"there is nothing in \"%s\" to make a baseline of",
					baseline->environment->name);
	baseline->script = script.text->data;
	baseline->length = script.text->len;
	return script;
}

static void
warn_of_grantors(const DumpScript *script)
{
	if (script->grantors > 0)
		message_warning("privileges that were granted by others than the owner of an object will "
						"be the owner's");
}

static void
begin_repository(Baseline *baseline)
{
	Commit *commit = NULL;
	char *program;
	char *root;
	DumpScript script;

	baseline->tag = psprintf("dbmaestro/baseline/%s", baseline->environment->name);
	if (!no_commit)
		commit = commit_prepare(baseline->config, baseline->tag);
	program = dump_find_program(pg_dump, baseline->connection);
	if (!yes && !prompt_yes("Make a script of the schema of \"%s\" and record it as applied there?",
							baseline->environment->name))
		message_die(EXIT_ERROR, NULL, "nothing was changed");

	baseline->change = fresh_name(baseline->config, "baseline");
	baseline->path = psprintf("%s/%s", baseline->config->migrations,
							  naming_expand(baseline->config->script, baseline->change));
	script = write_script(baseline, program);
	warn_of_grantors(&script);
	root = prove(baseline, true);
	if (strcmp(root, baseline->root) != 0)
		message_die(EXIT_DRIFT, "Run it again when nobody else changes the schema.",
					"the schema of \"%s\" changed while the proof was built",
					baseline->environment->name);

	if (!file_create(psprintf("%s/%s", baseline->config->directory, baseline->path),
					 baseline->script))
		message_die(EXIT_ERROR, "Move it away.", "file \"%s\" exists already", baseline->path);
	if (commit)
		baseline->commit = commit_make(
			commit, baseline->path, baseline->script, baseline->length,
			psprintf("Baseline of environment \"%s\"\n", baseline->environment->name));
	baseline->claims = commit ? commit_claims(commit)
							  : repository_claims(repository_open_worktree(baseline->config));
	mark(baseline, commit, root);
	tell_of_rest(baseline, &script);
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
	Baseline baseline = {.config = config_load()};
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
