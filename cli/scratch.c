/*
 * cli/scratch.c: an empty database in which a script shows what it makes
 *
 * One that was made here is dropped at exit, whatever leads there; an interrupt
 * leads there too, because it is held off while the database exists.  After
 * kill -9 it stays, and the next baseline says so.
 */
#include "postgres_fe.h"

#include "message.h"
#include "queries.h"
#include "scratch.h"

#define NAME_PREFIX "dbmaestro_baseline_"

/* A server needs some of its room for locks for others. */
#define SHARE_OF_LOCKS 0.6

struct Scratch
{
	Connection *connection;
	Connection *keeper;			/* to another database of the server; NULL: it is not ours to drop */
	char *name;
};

/* The one to drop at exit. */
static Scratch *made = NULL;

static void
drop_made(void)
{
	Scratch *scratch = made;
	PGresult *result;

	if (scratch == NULL)
		return;
	made = NULL;
	connection_release();
	if (scratch->connection)
		connection_close(scratch->connection);
	scratch->connection = NULL;
	if (connection_is_lost(scratch->keeper))
		PQreset(scratch->keeper->pg);
	result = queries_drop_database(scratch->keeper, scratch->name);
	if (!connection_succeeded(result))
	{
		message_warning("could not drop database \"%s\"", scratch->name);
		message_hint("Drop it yourself: DROP DATABASE %s;", scratch->name);
	}
	PQclear(result);
	connection_close(scratch->keeper);
	scratch->keeper = NULL;
}

static void
drop_at_exit(Scratch *scratch)
{
	made = scratch;
	atexit(drop_made);
}

/* --- a new one ----------------------------------------------------------------------- */

/* Like createdb: by way of postgres, or of template1 where that was dropped. */
static Connection *
open_keeper(const Connection *environment)
{
	ConnectionFault fault;
	Connection *keeper = connection_beside(environment, "postgres", &fault);

	if (keeper == NULL)
		keeper = connection_beside(environment, "template1", &fault);
	if (keeper == NULL)
		message_die(fault.code, "Name an empty database by --scratch.",
					"could not connect to make a database for the proof: %s", fault.message);
	return keeper;
}

static char *
random_name(void)
{
	uint32 number;

	if (!pg_strong_random(&number, sizeof(number)))
		message_die(EXIT_ERROR, NULL, "could not generate a random number");
	return psprintf(NAME_PREFIX "%08x", number);
}

/* All relations are made in one transaction, which holds a lock on each until its end. */
static void
require_locks(Connection *environment)
{
	PGresult *result = connection_expect(environment, queries_locks(environment));
	int64 needed = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
	int64 room = strtoll(PQgetvalue(result, 0, 1), NULL, 10);

	if (needed > room * SHARE_OF_LOCKS)
		message_die(EXIT_ERROR,
					"Name a database on another server by --scratch, or raise "
					"max_locks_per_transaction.",
					"the proof needs " INT64_FORMAT
					" locks at once, and the server has room for " INT64_FORMAT,
					needed, room);
	PQclear(result);
}

/* Those of a program that was killed. */
static void
warn_of_leftovers(Connection *keeper)
{
	PGresult *result = connection_expect(keeper, queries_leftovers(keeper));

	for (int row = 0; row < PQntuples(result); row++)
	{
		message_warning("database \"%s\" is left of a baseline that did not come to its end",
						PQgetvalue(result, row, 0));
		message_hint("Drop it: DROP DATABASE %s;", PQgetvalue(result, row, 0));
	}
	PQclear(result);
}

static void
create(Scratch *scratch, Connection *environment)
{
	PGresult *likeness = connection_expect(environment, queries_likeness(environment));
	PGresult *result;

	connection_protect(scratch->keeper);
	result = queries_create_database(scratch->keeper, scratch->name, PQgetvalue(likeness, 0, 0));
	if (!connection_succeeded(result))
	{
		ExitCode code = message_server_error(result);

		/* it may be there all the same */
		if (connection_is_lost(scratch->keeper))
			drop_at_exit(scratch);
		message_error("could not make a database for the proof");
		message_hint("Let \"%s\" create databases, or name an empty one by --scratch.",
					 PQuser(environment->pg));
		exit(connection_interrupted() ? EXIT_INTERRUPTED : code);
	}
	drop_at_exit(scratch);
	PQclear(result);
	PQclear(likeness);
}

static void
make(Scratch *scratch, Connection *environment)
{
	ConnectionFault fault;

	require_locks(environment);
	scratch->keeper = open_keeper(environment);
	warn_of_leftovers(scratch->keeper);
	scratch->name = random_name();
	create(scratch, environment);
	scratch->connection = connection_beside(environment, scratch->name, &fault);
	if (scratch->connection == NULL)
		message_die(fault.code, fault.hint, "could not connect to the database for the proof: %s",
					fault.message);
}

/* --- one that is there ----------------------------------------------------------------- */

DBM_NORETURN static void
die_of_content(const Scratch *scratch, const char *object)
{
	message_die(EXIT_ERROR, "Name one in which there is nothing but the extension.",
				"database \"%s\" is not empty: it has %s", scratch->name, object);
}

static void
require_empty(Scratch *scratch)
{
	PGresult *objects = connection_expect(scratch->connection,
										  queries_objects(scratch->connection));

	for (int row = 0; row < PQntuples(objects); row++)
	{
		const char *kind = PQgetvalue(objects, row, 0);

		/* schemas are looked at by whoever compares */
		if (strcmp(kind, "schema") != 0)
			die_of_content(scratch, psprintf("%s %s", kind, PQgetvalue(objects, row, 1)));
	}
	PQclear(objects);
}

/* Before anything is made there: whoever named the wrong database finds it as it was. */
static void
require_no_strangers(Scratch *scratch)
{
	PGresult *strangers = connection_expect(scratch->connection,
											queries_strangers(scratch->connection));

	if (PQntuples(strangers) > 0)
		die_of_content(scratch, PQgetvalue(strangers, 0, 0));
	PQclear(strangers);
}

/* --- the extension in it ----------------------------------------------------------------- */

static void
expect(Scratch *scratch, PGresult *result)
{
	PQclear(connection_expect(scratch->connection, result));
	if (connection_interrupted())
		exit(EXIT_INTERRUPTED);
}

/* As in the environment, where that takes passwords. */
static void
copy_setting(Scratch *scratch, Connection *environment, const char *setting)
{
	PGresult *result = queries_setting(environment, setting);

	if (connection_succeeded(result) && PQntuples(result) == 1)
		expect(scratch, queries_configure(scratch->connection, setting, PQgetvalue(result, 0, 0)));
	PQclear(result);
}

static bool
is_initialised(Scratch *scratch)
{
	PGresult *result = connection_expect(scratch->connection,
										 queries_environment(scratch->connection));
	bool initialised = !PQgetisnull(result, 0, 0);

	PQclear(result);
	return initialised;
}

static void
create_extension(Scratch *scratch, Connection *environment)
{
	PGresult *result = queries_create_extension_in(scratch->connection, environment->schema);

	if (!connection_succeeded(result))
	{
		ExitCode code = message_server_error(result);

		message_error("could not create the extension for the proof");
		message_hint(
			"Have a superuser create it in an empty database, and name that by --scratch.");
		exit(connection_interrupted() ? EXIT_INTERRUPTED : code);
	}
	expect(scratch, result);
}

static void
set_up(Scratch *scratch, Connection *environment)
{
	ConnectionFault fault;
	PGresult *there = connection_expect(scratch->connection,
										queries_extension_exists(scratch->connection));

	if (PQgetvalue(there, 0, 0)[0] != 't')
	{
		require_no_strangers(scratch);
		create_extension(scratch, environment);
	}
	PQclear(there);
	if (!queries_locate(scratch->connection, &fault))
		message_die(fault.code, fault.hint, "database \"%s\": %s", scratch->name, fault.message);
	if (is_initialised(scratch))
		return;
	expect(scratch, queries_init(scratch->connection, "baseline", NULL, NULL));
	expect(scratch, queries_configure(scratch->connection, "change_name_pattern", "."));
	copy_setting(scratch, environment, "allow_secrets");
}

Scratch *
scratch_open(Connection *environment, const char *conninfo)
{
	Scratch *scratch = pg_malloc0(sizeof(Scratch));

	if (conninfo)
	{
		Environment *place = pg_malloc0(sizeof(Environment));

		place->name = pg_strdup("--scratch");
		place->conninfo = pg_strdup(conninfo);
		scratch->connection = connection_open_bare(place);
		scratch->name = pg_strdup(PQdb(scratch->connection->pg));
	}
	else
		make(scratch, environment);
	connection_protect(scratch->connection);
	set_up(scratch, environment);
	if (conninfo)
		require_empty(scratch);
	return scratch;
}

const char *
scratch_name(const Scratch *scratch)
{
	return scratch->name;
}

PGresult *
scratch_build(Scratch *scratch, const char *change, const char *script, size_t length, char **root,
			  PGresult **error)
{
	Connection *connection = scratch->connection;
	PGresult *objects = NULL;
	PGresult *result;

	expect(scratch, queries_begin(connection));
	result = queries_apply(connection, change, script, length);
	if (connection_interrupted())
		exit(EXIT_INTERRUPTED);
	if (connection_succeeded(result))
	{
		PQclear(result);
		result = connection_expect(connection, queries_schema_hash(connection));
		*root = pg_strdup(PQgetvalue(result, 0, 0));
		PQclear(result);
		objects = connection_expect(connection, queries_objects(connection));
	}
	else
		*error = result;
	PQclear(queries_rollback(connection));
	if (connection_interrupted())
		exit(EXIT_INTERRUPTED);
	return objects;
}

void
scratch_close(Scratch *scratch)
{
	if (made == scratch)
		drop_made();
	else
	{
		connection_release();
		connection_close(scratch->connection);
	}
	pg_free(scratch->name);
	pg_free(scratch);
}
