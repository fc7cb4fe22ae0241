/*
 * cli/baseline_proof.c: the proof that the script of a baseline makes a schema
 *
 * What ends here ends the program: with the exit code for drift and the
 * objects that differ on standard output.
 */
#include "postgres_fe.h"

#include "baseline.h"
#include "dump.h"
#include "file.h"
#include "message.h"
#include "print.h"
#include "queries.h"
#include "schema_diff.h"

/* --- the environment -------------------------------------------------------------------- */

char *
baseline_root(const Baseline *baseline)
{
	PGresult *result = connection_expect(baseline->connection,
										 queries_schema_hash(baseline->connection));
	char *root = pg_strdup(PQgetvalue(result, 0, 0));

	PQclear(result);
	return root;
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

DBM_NORETURN static void
die_of_change(const Baseline *baseline)
{
	message_die(EXIT_DRIFT, "Run it again when nobody else changes the schema.",
				"the schema of \"%s\" changed while it was read", baseline->environment->name);
}

DumpScript
baseline_dump(Baseline *baseline, char **root)
{
	DumpScript script;
	char *dump;

	connection_protect(baseline->connection);
	*root = baseline_root(baseline);
	dump = dump_schema(baseline->program, baseline->connection);
	if (dump == NULL)
		exit(connection_interrupted() ? EXIT_INTERRUPTED : EXIT_ERROR);
	if (strcmp(baseline_root(baseline), *root) != 0)
		die_of_change(baseline);
	script = dump_script_make(dump, baseline->connection->schema, has_public(baseline));
	pg_free(dump);
	if (PQExpBufferBroken(script.text))
		message_die(EXIT_ERROR, NULL, "out of memory");
	if (connection_interrupted())
		exit(EXIT_INTERRUPTED);
	return script;
}

static PGresult *
read_objects(const Baseline *baseline, const char *root)
{
	PGresult *objects = connection_expect(baseline->connection,
										  queries_objects(baseline->connection));

	if (strcmp(baseline_root(baseline), root) != 0)
		die_of_change(baseline);
	return objects;
}

/* --- telling ------------------------------------------------------------------------------ */

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
	/* one that holds a password is not to lie around */
	if (leave && !(code && strcmp(code, "MA023") == 0))
		leave_script(baseline);
	exit(exit_code);
}

DBM_NORETURN static void
end_with_difference(const Baseline *baseline, PGresult *difference, const char *hint)
{
	int count = PQntuples(difference);

	print_rows(difference, NULL);
	(void) print_end();
	message_error("the schema of \"%s\" is not what the script makes: %d %s",
				  baseline->environment->name, count,
				  count == 1 ? "object differs" : "objects differ");
	message_hint("%s", hint);
	exit(EXIT_DRIFT);
}

/* --- proving ------------------------------------------------------------------------------- */

static PGresult *
build(Scratch *scratch, const Baseline *baseline, const char *script, size_t length, char **root,
	  bool leave)
{
	PGresult *error = NULL;
	PGresult *built = scratch_build(scratch, baseline->change, script, length, root, &error);

	if (built == NULL)
	{
		scratch_close(scratch);
		end_with_error(baseline, error, leave);
	}
	return built;
}

/* How many of them the header of the script names. */
#define NAMED 50

/* A line end in the name of an object would end the comment, and what follows would be run. */
static void
append_in_line(PQExpBuffer list, const char *identity)
{
	for (const char *at = identity; *at; at++)
	{
		if ((unsigned char) *at < ' ' || *at == 0x7f)
			appendPQExpBuffer(list, "\\x%02X", (unsigned char) *at);
		else
			appendPQExpBufferChar(list, *at);
	}
}

/* As lines of a header. */
static char *
list_exceptions(const PGresult *difference)
{
	int count = PQntuples(difference);
	PQExpBuffer list = createPQExpBuffer();

	appendPQExpBufferStr(list,
						 "-- Impact: a new database is not the same, which was accepted, in\n");
	for (int row = 0; row < Min(count, NAMED); row++)
	{
		appendPQExpBuffer(list, "--   %s ", PQgetvalue(difference, row, 0));
		append_in_line(list, PQgetvalue(difference, row, 1));
		appendPQExpBuffer(list, " (%s)\n", PQgetvalue(difference, row, 2));
	}
	if (count > NAMED)
		appendPQExpBuffer(list, "--   and %d more\n", count - NAMED);
	return list->data;
}

static void
refuse_or_accept(Baseline *baseline, PGresult *difference)
{
	if (!baseline->accept)
	{
		leave_script(baseline);
		end_with_difference(baseline, difference,
							"Correct these objects in the environment and run it again.  What no "
							"dump can hold is listed in doc/baseline.md; --accept-differences goes "
							"on without it.");
	}
	baseline->exceptions = list_exceptions(difference);
	schema_diff_note_accepted(difference);
}

char *
baseline_prove(Baseline *baseline, const char *conninfo, const char *root)
{
	Scratch *scratch = scratch_open(baseline->connection, conninfo);
	PGresult *built;
	PGresult *live;
	PGresult *difference;
	char *made;

	message_info("building the schema in database \"%s\"", scratch_name(scratch));
	built = build(scratch, baseline, baseline->script, baseline->length, &made, true);
	scratch_close(scratch);
	live = read_objects(baseline, root);
	difference = schema_diff(live, built, baseline->environment->name);
	if (schema_diff_count(difference, SCHEMA_DIFFERS) > 0)
		refuse_or_accept(baseline, difference);
	else
		schema_diff_note_readings(difference);
	schema_diff_note_extras(live, built);
	PQclear(difference);
	PQclear(built);
	PQclear(live);
	return made;
}

static const char *const twin_hint =
	"Bring it to the schema of the baseline first.  What it is to have beyond that comes by changes "
	"behind the baseline.";

char *
baseline_prove_twin(Baseline *baseline, const char *conninfo)
{
	Scratch *scratch = scratch_open(baseline->connection, conninfo);
	char *root;
	char *made;
	char *remade;
	PGresult *built;
	PGresult *rebuilt;
	PGresult *difference;
	DumpScript script;

	message_info("building the schema in database \"%s\"", scratch_name(scratch));
	built = build(scratch, baseline, baseline->script, baseline->length, &made, false);
	root = baseline_root(baseline);
	if (strcmp(made, root) == 0)
	{
		scratch_close(scratch);
		return root;
	}
	difference = schema_diff(read_objects(baseline, root), built, baseline->environment->name);
	if (schema_diff_count(difference, SCHEMA_DIFFERS) > 0)
		end_with_difference(baseline, difference, twin_hint);

	/* whether they mean the same, the server's own reading of them tells */
	script = baseline_dump(baseline, &root);
	connection_protect(baseline->connection);
	rebuilt = build(scratch, baseline, script.text->data, script.text->len, &remade, false);
	scratch_close(scratch);
	if (strcmp(made, remade) != 0)
		end_with_difference(baseline, schema_diff(rebuilt, built, baseline->environment->name),
							twin_hint);
	PQclear(built);
	PQclear(rebuilt);
	return root;
}
