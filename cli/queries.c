/*
 * cli/queries.c: all SQL of the command line
 *
 * Everything is qualified, operators too, so that no search_path changes what
 * it means.  A function that is an act of a person must be the whole of its
 * statement, with parameters as arguments.
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"
#include "pqexpbuffer.h"

#include "message.h"
#include "options.h"
#include "parameters.h"
#include "queries.h"

/* --echo: the statement, and its parameters but for whole scripts. */
static void
echo(const char *sql, const Parameters *parameters)
{
	PQExpBuffer text;

	if (!option_echo)
		return;
	text = createPQExpBuffer();
	appendPQExpBuffer(text, "%s;", sql);
	for (int at = 0; at < parameters->count; at++)
	{
		const char *value = parameters->values[at];

		appendPQExpBuffer(text, "%s $%d = ", at ? "," : "  --", at + 1);
		if (value == NULL)
			appendPQExpBufferStr(text, "NULL");
		else if (parameters->formats[at])
			appendPQExpBuffer(text, "(%d bytes)", parameters->lengths[at]);
		else
			appendPQExpBuffer(text, strlen(value) > 200 ? "'%.200s...'" : "'%s'", value);
	}
	message_info("%s", text->data);
	destroyPQExpBuffer(text);
}

static PGresult *
ask(Connection *connection, const char *sql, const Parameters *parameters)
{
	echo(sql, parameters);
	return PQexecParams(connection->pg, sql, parameters->count, parameters->types,
						parameters->values, parameters->lengths, parameters->formats, 0);
}

PGresult *
parameters_ask(Connection *connection, const char *sql, const Parameters *parameters)
{
	return ask(connection, sql, parameters);
}

static void
send_command(Connection *connection, const char *sql, const Parameters *parameters)
{
	echo(sql, parameters);
	/* a failure is one of the connection: whoever reads the results meets it */
	if (PQsendQueryParams(connection->pg, sql, parameters->count, parameters->types,
						  parameters->values, parameters->lengths, parameters->formats, 0) == 1)
		connection->sent++;
}

/* --- the extension ---------------------------------------------------------- */

static int
compare_versions(const char *left, const char *right)
{
	while (*left || *right)
	{
		long difference = strtol(left, NULL, 10) - strtol(right, NULL, 10);

		if (difference)
			return difference < 0 ? -1 : 1;
		left += strcspn(left, ".");
		left += *left == '.';
		right += strcspn(right, ".");
		right += *right == '.';
	}
	return 0;
}

static bool
take_location(Connection *connection, const PGresult *result, ConnectionFault *fault)
{
	const char *name = connection->environment->name;

	if (PQntuples(result) == 0)
	{
		*fault = (ConnectionFault) {
			EXIT_ERROR,
			psprintf("extension dbmaestro is not installed in database \"%s\"",
					 PQdb(connection->pg)),
			psprintf("Run as superuser: dbmaestro init %s", name)};
		return false;
	}
	connection->schema = pg_strdup(PQgetvalue(result, 0, 0));
	connection->version = pg_strdup(PQgetvalue(result, 0, 1));
	if (compare_versions(connection->version, DBM_VERSION) >= 0)
		return true;
	*fault = (ConnectionFault) {
		EXIT_ERROR,
		psprintf("extension dbmaestro is version %s there, and this is dbmaestro %s",
				 connection->version, DBM_VERSION),
		"Install the extension of this version on the server and run: ALTER EXTENSION dbmaestro UPDATE;"};
	return false;
}

bool
queries_locate(Connection *connection, ConnectionFault *fault)
{
	static const Parameters none;
	PGresult *result = ask(connection,
						   /* the type writes the name with quotes where it needs them */
						   "SELECT e.extnamespace::pg_catalog.regnamespace, e.extversion"
						   " FROM pg_catalog.pg_extension AS e"
						   " WHERE e.extname OPERATOR(pg_catalog.=) 'dbmaestro'",
						   &none);
	bool found = false;

	if (connection_succeeded(result))
		found = take_location(connection, result, fault);
	else
		*fault = (ConnectionFault) {exit_code_of(PQresultErrorField(result, PG_DIAG_SQLSTATE)),
								   pg_strdup(PQresultErrorMessage(result)), NULL};
	PQclear(result);
	return found;
}

/* --- setting up ----------------------------------------------------------------- */

PGresult *
queries_extension_exists(Connection *connection)
{
	static const Parameters none;

	return ask(connection,
			   "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension AS e"
			   " WHERE e.extname OPERATOR(pg_catalog.=) 'dbmaestro')",
			   &none);
}

PGresult *
queries_create_extension(Connection *connection)
{
	static const Parameters none;

	return ask(connection, "CREATE EXTENSION dbmaestro", &none);
}

PGresult *
queries_environment(Connection *connection)
{
	static const Parameters none;

	return ask(
		connection,
		psprintf("SELECT environment, follows, run_as FROM %s.dbm_status()", connection->schema),
		&none);
}

PGresult *
queries_init(Connection *connection, const char *environment, const char *follows,
			 const char *run_as)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, environment);
	add_text(&parameters, TEXTOID, follows);
	add_text(&parameters, NAMEOID, run_as);
	return ask(connection, psprintf("SELECT %s.dbm_init($1, $2, $3)", connection->schema),
			   &parameters);
}

PGresult *
queries_configure(Connection *connection, const char *setting, const char *value)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, setting);
	add_text(&parameters, TEXTOID, value);
	return ask(connection, psprintf("SELECT %s.dbm_configure($1, $2)", connection->schema),
			   &parameters);
}

PGresult *
queries_is_granted(Connection *connection, const char *capability, const char *role)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, capability);
	add_text(&parameters, TEXTOID, role);
	/* a role that was dropped and made again has nothing, though the name is there */
	return ask(connection,
			   "SELECT EXISTS (SELECT FROM dbmaestro.capability AS c"
			   " JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) c.role"
			   " WHERE c.capability OPERATOR(pg_catalog.=) $1"
			   " AND r.rolname OPERATOR(pg_catalog.=) $2::name"
			   " AND c.role_name OPERATOR(pg_catalog.=) $2)",
			   &parameters);
}

PGresult *
queries_grant(Connection *connection, const char *capability, const char *role)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, capability);
	add_text(&parameters, NAMEOID, role);
	return ask(connection, psprintf("SELECT %s.dbm_grant($1, $2)", connection->schema),
			   &parameters);
}

/* --- looking ------------------------------------------------------------------ */

PGresult *
queries_status(Connection *connection)
{
	static const Parameters none;

	return ask(
		connection,
		psprintf("SELECT environment, follows, guard_in_force, tier, identity, applied,"
				 " last_change, last_applied_at, failed, interrupted_deployments, lock_pid,"
				 " lock_role, lock_application, lock_since, lock_queue, lock_blockers, partial,"
				 " unfinished_change, unfinished_state, unfinished_at, unfinished_evidence"
				 " FROM %s.dbm_status()",
				 connection->schema),
		&none);
}

PGresult *
queries_plan(Connection *connection, const char *manifest, const char *followed)
{
	Parameters parameters = {0};

	add_text(&parameters, JSONBOID, manifest);
	add_text(&parameters, JSONBOID, followed);
	/* nothing behind the call: only then the server may remember the fingerprint */
	return ask(connection,
			   psprintf("SELECT ordinal, change, state, detail, last_run FROM %s.dbm_plan($1, $2)",
						connection->schema),
			   &parameters);
}

/* --- deploying ------------------------------------------------------------------ */

PGresult *
queries_deployment_start(Connection *connection, const char *manifest, const char *claims,
						 const char *followed)
{
	Parameters parameters = {0};

	add_text(&parameters, JSONBOID, manifest);
	add_text(&parameters, JSONBOID, claims);
	add_text(&parameters, JSONBOID, followed);
	return ask(connection,
			   psprintf("SELECT %s.dbm_deployment_start($1, $2, $3)", connection->schema),
			   &parameters);
}

/* The environment's patience with locks: how often, and the times in seconds. */
PGresult *
queries_lock_patience(Connection *connection)
{
	static const Parameters none;

	return ask(connection,
			   psprintf("SELECT lock_retries, pg_catalog.extract('epoch', lock_retry_delay),"
						" pg_catalog.extract('epoch', lock_retry_deadline)"
						" FROM %s.dbm_status()",
						connection->schema),
			   &none);
}

static char *
finish_command(Connection *connection, const char *deployment, const char *outcome,
			   Parameters *parameters)
{
	add_text(parameters, INT8OID, deployment);
	add_text(parameters, TEXTOID, outcome);
	return psprintf("SELECT %s.dbm_deployment_finish($1, $2)", connection->schema);
}

PGresult *
queries_deployment_finish(Connection *connection, const char *deployment, const char *outcome)
{
	Parameters parameters = {0};
	char *sql = finish_command(connection, deployment, outcome, &parameters);

	return ask(connection, sql, &parameters);
}

void
queries_send_deployment_finish(Connection *connection, const char *deployment, const char *outcome)
{
	Parameters parameters = {0};
	char *sql = finish_command(connection, deployment, outcome, &parameters);

	send_command(connection, sql, &parameters);
}

PGresult *
queries_rollback(Connection *connection)
{
	static const Parameters none;

	return ask(connection, "ROLLBACK", &none);
}

void
queries_send_begin(Connection *connection)
{
	static const Parameters none;

	send_command(connection, "BEGIN", &none);
}

void
queries_send_commit(Connection *connection)
{
	static const Parameters none;

	send_command(connection, "COMMIT", &none);
}

void
queries_send_apply(Connection *connection, const char *change, const char *script,
				   size_t script_length, const char *rollback, size_t rollback_length,
				   const char *deployment)
{
	Parameters parameters = {0};
	char *sql = psprintf("SELECT outcome, run, statements, duration"
						 " FROM %s.dbm_apply($1, $2, $3, '{}', $4)",
						 connection->schema);

	add_text(&parameters, TEXTOID, change);
	add_bytes(&parameters, script, script_length);
	if (rollback)
		add_bytes(&parameters, rollback, rollback_length);
	else
		add_text(&parameters, TEXTOID, NULL);
	add_text(&parameters, INT8OID, deployment);
	send_command(connection, sql, &parameters);
	pg_free(sql);
}

/* --- by one statement each ------------------------------------------------------- */

PGresult *
queries_manifest(Connection *connection)
{
	static const Parameters none;

	return ask(connection, psprintf("SELECT %s.dbm_manifest()", connection->schema), &none);
}

PGresult *
queries_submit(Connection *connection, const char *change, const char *script, size_t script_length,
			   const char *rollback, size_t rollback_length, const char *claims)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, change);
	add_bytes(&parameters, script, script_length);
	if (rollback)
		add_bytes(&parameters, rollback, rollback_length);
	else
		add_text(&parameters, TEXTOID, NULL);
	add_text(&parameters, JSONBOID, claims);
	return ask(connection, psprintf("SELECT %s.dbm_submit($1, $2, $3, $4)", connection->schema),
			   &parameters);
}

PGresult *
queries_rollback_change(Connection *connection, const char *change, const char *reason)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, change);
	add_text(&parameters, TEXTOID, reason);
	return ask(connection,
			   psprintf("SELECT outcome, run, statements, duration FROM %s.dbm_rollback($1, $2)",
						connection->schema),
			   &parameters);
}

void
queries_send_steps(Connection *connection, const char *script, size_t length)
{
	Parameters parameters = {0};
	char *sql = psprintf("SELECT step, kind, line, subject, reason, statements"
						 " FROM %s.dbm_steps($1)",
						 connection->schema);

	add_bytes(&parameters, script, length);
	send_command(connection, sql, &parameters);
	pg_free(sql);
}

void
queries_send_step_parts(Connection *connection, const char *statement)
{
	Parameters parameters = {0};
	char *sql = psprintf("SELECT kind, statement FROM %s.dbm_step_parts($1)", connection->schema);

	add_text(&parameters, TEXTOID, statement);
	send_command(connection, sql, &parameters);
	pg_free(sql);
}

PGresult *
queries_last_deployment(Connection *connection)
{
	static const Parameters none;

	return ask(connection,
			   psprintf("SELECT deployment, deployment_state, deployment_commit, deployment_ref,"
						" deployment_started_at::pg_catalog.timestamptz(0),"
						" deployment_started_by, deployment_followed, deployment_last_change,"
						" deployment_single_transaction"
						" FROM %s.dbm_status()",
						connection->schema),
			   &none);
}

/* --- environments ---------------------------------------------------------------- */

PGresult *
queries_standing(Connection *connection)
{
	static const Parameters none;

	return ask(connection,
			   psprintf("SELECT environment, identity, guard, guard_in_force, tier, applied"
						" FROM %s.dbm_status()",
						connection->schema),
			   &none);
}

PGresult *
queries_guard(Connection *connection, const char *mode, bool preload)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, mode);
	add_text(&parameters, BOOLOID, preload ? "true" : "false");
	return ask(connection, psprintf("SELECT %s.dbm_guard($1, $2)", connection->schema),
			   &parameters);
}

PGresult *
queries_attach(Connection *connection, const char *reason, const char *environment)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, reason);
	add_text(&parameters, TEXTOID, environment);
	return ask(connection, psprintf("SELECT %s.dbm_attach($1, $2)", connection->schema),
			   &parameters);
}

PGresult *
queries_reset(Connection *connection, const char *reason)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, reason);
	return ask(connection,
			   psprintf("SELECT changes, objects, deployment, root_before, root_after"
						" FROM %s.dbm_reset($1)",
						connection->schema),
			   &parameters);
}

PGresult *
queries_snapshot(Connection *connection, const char *label)
{
	Parameters parameters = {0};

	add_text(&parameters, TEXTOID, label);
	return ask(connection, psprintf("SELECT %s.dbm_snapshot($1)", connection->schema), &parameters);
}

PGresult *
queries_doctor(Connection *connection)
{
	static const Parameters none;

	return ask(connection,
			   psprintf("SELECT check_name, health, finding, advice FROM %s.dbm_doctor()",
						connection->schema),
			   &none);
}

/* --- the record ------------------------------------------------------------------- */

/* For a reader the time to the second, and of all that an event may say the one text that it does. */
static const char
	*const audit_brief = "e.at::pg_catalog.timestamptz(0), e.kind, e.action, e.object, e.change,"
						 " e.authenticated_role AS role, COALESCE(e.message, e.detail) AS message";
static const char *const audit_whole =
	"e.id, e.at, e.kind, e.action, e.object_kind, e.object, e.change, e.run, e.deployment,"
	" e.environment, e.sqlstate, e.message, e.detail, e.hint, e.statement,"
	" e.authenticated_role, e.session_role, e.current_role_name, e.client_address,"
	" e.application_name, e.backend_pid, e.transaction_id";

static const char
	*const history_brief = "e.run, e.started_at::pg_catalog.timestamptz(0), e.change, e.outcome,"
						   " e.duration, e.executed_by, pg_catalog.left(e.commit, 10) AS commit,"
						   " COALESCE(e.message, e.reason) AS message";
static const char *const history_whole =
	"e.run, e.change, e.direction, e.outcome, e.environment, e.started_at, e.finished_at,"
	" e.duration, e.statements, e.executed_by, e.run_as, e.deployment, e.commit, e.provenance,"
	" e.reason, e.failed_statement, e.failed_line, e.sqlstate, e.message, e.blockers";

/* The record, as the names of its columns say it. */
static void
send_record(Connection *connection, const char *columns, const char *view, const char *number,
			const char *at, const char *role, const char *among, const RecordFilter *filter)
{
	Parameters parameters = {0};
	char *sql = psprintf("SELECT %s FROM dbmaestro.%s AS e"
						 " WHERE ($1 IS NULL OR e.%s OPERATOR(pg_catalog.>=) $1)"
						 " AND ($2 IS NULL OR e.%s OPERATOR(pg_catalog.<) $2)"
						 " AND ($3 IS NULL OR e.change OPERATOR(pg_catalog.=) $3)"
						 " AND ($4 IS NULL OR e.%s OPERATOR(pg_catalog.=) $4)"
						 " AND ($5 IS NULL OR e.%s OPERATOR(pg_catalog.=)"
						 " ANY (pg_catalog.string_to_array($5, ',')))"
						 " ORDER BY e.%s DESC, e.%s DESC LIMIT $6",
						 columns, view, at, at, role, among, at, number);

	add_text(&parameters, TIMESTAMPTZOID, filter->since);
	add_text(&parameters, TIMESTAMPTZOID, filter->until);
	add_text(&parameters, TEXTOID, filter->change);
	add_text(&parameters, TEXTOID, filter->role);
	add_text(&parameters, TEXTOID, filter->among);
	add_text(&parameters, INT8OID, filter->limit);
	send_command(connection, sql, &parameters);
	pg_free(sql);
}

void
queries_send_audit(Connection *connection, const RecordFilter *filter, bool whole)
{
	send_record(connection, whole ? audit_whole : audit_brief, "audit_event", "id", "at",
				"authenticated_role", "kind", filter);
}

void
queries_send_history(Connection *connection, const RecordFilter *filter, bool whole)
{
	send_record(connection, whole ? history_whole : history_brief, "change_history", "run",
				"started_at", "executed_by", "outcome", filter);
}
