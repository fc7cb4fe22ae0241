/*
 * cli/queries_steps.c: SQL of changes that are more than one transaction
 *
 * The rules are those of queries.c.
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "parameters.h"
#include "queries.h"

/* A procedure, which commits after each step: its call is a statement and a transaction of its own. */
PGresult *
queries_apply_in_steps(Connection *connection, const char *change, const char *script,
					   size_t script_length, const char *rollback, size_t rollback_length,
					   const char *deployment)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, change);
	add_bytes(&parameters, script, script_length);
	if (rollback)
		add_bytes(&parameters, rollback, rollback_length);
	else
		add_text(&parameters, TEXTOID, NULL);
	add_text(&parameters, INT8OID, deployment);
	return parameters_ask(
		connection,
		psprintf("CALL %s.dbm_apply_in_steps($1, $2, $3, '{}', $4)", connection->schema),
		&parameters);
}

PGresult *
queries_rollback_in_steps(Connection *connection, const char *change, const char *reason)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, change);
	add_text(&parameters, TEXTOID, reason);
	return parameters_ask(connection,
						  psprintf("CALL %s.dbm_rollback_in_steps($1, $2)", connection->schema),
						  &parameters);
}

PGresult *
queries_rollback_corrected(Connection *connection, const char *change, const char *reason,
						   const char *rollback, size_t rollback_length, const char *script,
						   size_t script_length)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, change);
	add_text(&parameters, TEXTOID, reason);
	add_bytes(&parameters, rollback, rollback_length);
	add_bytes(&parameters, script, script_length);
	return parameters_ask(
		connection, psprintf("CALL %s.dbm_rollback_in_steps($1, $2, $3, $4)", connection->schema),
		&parameters);
}

PGresult *
queries_resume(Connection *connection, const char *change, const char *interrupted,
			   const char *reason)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, change);
	add_text(&parameters, TEXTOID, interrupted);
	add_text(&parameters, TEXTOID, reason);
	return parameters_ask(
		connection, psprintf("CALL %s.dbm_resume($1, $2, $3)", connection->schema), &parameters);
}

PGresult *
queries_unfinished(Connection *connection, const char *change)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, change);
	return parameters_ask(connection,
						  psprintf("SELECT change, direction, state, place, evidence, wants_word"
								   " FROM %s.dbm_unfinished($1)",
								   connection->schema),
						  &parameters);
}
