/*
 * cli/queries_baseline.c: SQL of a baseline and of the database in which it is proven
 *
 * The rules are those of queries.c.
 */
#include "postgres_fe.h"

#include "message.h"
#include "parameters.h"
#include "queries.h"

PGresult *
queries_schema_hash(Connection *connection)
{
	static const Parameters none;

	return parameters_ask(connection, psprintf("SELECT %s.dbm_schema_hash()", connection->schema),
						  &none);
}

PGresult *
queries_objects(Connection *connection)
{
	static const Parameters none;

	return parameters_ask(
		connection,
		psprintf("SELECT o.kind, o.identity, o.hash, o.shape, o.extra FROM %s.dbm_objects()"
				 " AS o",
				 connection->schema),
		&none);
}

PGresult *
queries_baseline(Connection *connection, const char *change, const char *script, size_t length,
				 const char *rollback, size_t rollback_length, const char *claims, const char *root)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, change);
	add_bytes(&parameters, script, length);
	if (rollback)
		add_bytes(&parameters, rollback, rollback_length);
	else
		add_text(&parameters, TEXTOID, NULL);
	add_text(&parameters, JSONBOID, claims);
	add_text(&parameters, TEXTOID, root);
	return parameters_ask(connection,
						  psprintf("SELECT outcome, run, root_after"
								   " FROM %s.dbm_baseline($1, $2, $3, $4, $5)",
								   connection->schema),
						  &parameters);
}

PGresult *
queries_begin(Connection *connection)
{
	static const Parameters none;

	return parameters_ask(connection, "BEGIN", &none);
}

PGresult *
queries_commit(Connection *connection)
{
	static const Parameters none;

	return parameters_ask(connection, "COMMIT", &none);
}

/*
 * Columns of pg_database that not every version has come by their names in
 * JSON: 17 calls daticulocale datlocale.
 */
PGresult *
queries_likeness(Connection *connection)
{
	static const Parameters none;

	return parameters_ask(
		connection,
		"SELECT pg_catalog.format('TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L',"
		" pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype)"
		" OPERATOR(pg_catalog.||) CASE d.datlocprovider"
		" WHEN 'i' THEN pg_catalog.format(' LOCALE_PROVIDER icu ICU_LOCALE %L',"
		" COALESCE(j.row OPERATOR(pg_catalog.->>) 'datlocale',"
		" j.row OPERATOR(pg_catalog.->>) 'daticulocale'))"
		" OPERATOR(pg_catalog.||) COALESCE(' ICU_RULES ' OPERATOR(pg_catalog.||)"
		" pg_catalog.quote_literal(NULLIF(j.row OPERATOR(pg_catalog.->>) 'daticurules', '')), '')"
		" WHEN 'b' THEN pg_catalog.format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L',"
		" j.row OPERATOR(pg_catalog.->>) 'datlocale')"
		" ELSE ' LOCALE_PROVIDER libc' END,"
		" pg_catalog.to_regnamespace('public') IS NOT NULL,"
		" EXISTS (SELECT FROM pg_catalog.pg_db_role_setting AS s"
		" WHERE s.setdatabase OPERATOR(pg_catalog.=) d.oid)"
		" FROM pg_catalog.pg_database AS d,"
		" LATERAL (SELECT pg_catalog.to_jsonb(d) AS row) AS j"
		" WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()",
		&none);
}

PGresult *
queries_setting(Connection *connection, const char *setting)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, setting);
	return parameters_ask(connection,
						  "SELECT s.value FROM dbmaestro.setting AS s"
						  " WHERE s.key OPERATOR(pg_catalog.=) $1",
						  &parameters);
}

/* What initdb makes is there already, and so are our own tables in any other database. */
PGresult *
queries_locks(Connection *connection)
{
	static const Parameters none;

	return parameters_ask(
		connection,
		"SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class AS c"
		" WHERE c.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid),"
		" pg_catalog.current_setting('max_locks_per_transaction')::pg_catalog.int8"
		" OPERATOR(pg_catalog.*) (pg_catalog.current_setting('max_connections')::pg_catalog.int8"
		" OPERATOR(pg_catalog.+)"
		" pg_catalog.current_setting('max_prepared_transactions')::pg_catalog.int8)",
		&none);
}

/* What is in a database that has not our extension: anything but what initdb makes. */
PGresult *
queries_strangers(Connection *connection)
{
	static const Parameters none;

	return parameters_ask(
		connection,
		"SELECT pg_catalog.pg_describe_object(s.classid, s.objid, 0) FROM ("
		"SELECT c.tableoid, c.oid FROM pg_catalog.pg_class AS c"
		" UNION ALL SELECT p.tableoid, p.oid FROM pg_catalog.pg_proc AS p"
		" UNION ALL SELECT t.tableoid, t.oid FROM pg_catalog.pg_type AS t"
		") AS s (classid, objid) WHERE s.objid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid"
		" LIMIT 1",
		&none);
}

PGresult *
queries_leftovers(Connection *connection)
{
	static const Parameters none;

	return parameters_ask(connection,
						  "SELECT d.datname FROM pg_catalog.pg_database AS d"
						  " WHERE d.datname OPERATOR(pg_catalog.~) '^dbmaestro_baseline_[0-9a-f]+$'"
						  " AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a"
						  " WHERE a.datid OPERATOR(pg_catalog.=) d.oid)"
						  " ORDER BY 1",
						  &none);
}

static PGresult *
run_on_database(Connection *connection, const char *command, const char *name, const char *more)
{
	static const Parameters none;
	char *quoted = PQescapeIdentifier(connection->pg, name, strlen(name));
	PGresult *result;

	if (quoted == NULL)
		message_die(EXIT_ERROR, NULL, "%s", PQerrorMessage(connection->pg));
	result = parameters_ask(connection, psprintf("%s %s %s", command, quoted, more), &none);
	PQfreemem(quoted);
	return result;
}

PGresult *
queries_create_database(Connection *connection, const char *name, const char *likeness)
{
	return run_on_database(connection, "CREATE DATABASE", name, likeness);
}

PGresult *
queries_drop_database(Connection *connection, const char *name)
{
	return run_on_database(connection, "DROP DATABASE IF EXISTS", name, "WITH (FORCE)");
}

PGresult *
queries_create_extension_in(Connection *connection, const char *schema)
{
	static const Parameters none;
	PGresult *created;

	/* which every new database has */
	if (strcmp(schema, "public") != 0)
	{
		created = parameters_ask(connection, psprintf("CREATE SCHEMA IF NOT EXISTS %s", schema),
								 &none);
		if (!connection_succeeded(created))
			return created;
		PQclear(created);
	}
	return parameters_ask(connection, psprintf("CREATE EXTENSION dbmaestro SCHEMA %s", schema),
						  &none);
}

PGresult *
queries_apply(Connection *connection, const char *change, const char *script, size_t length)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, change);
	add_bytes(&parameters, script, length);
	return parameters_ask(
		connection,
		psprintf("SELECT outcome, root_after FROM %s.dbm_apply($1, $2)", connection->schema),
		&parameters);
}
