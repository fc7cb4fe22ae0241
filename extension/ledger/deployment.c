/*
 * ledger/deployment.c: dbm_deployment_start and dbm_deployment_finish
 */
#include "postgres.h"

#include "catalog/pg_extension.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "audit/event.h"
#include "audit/refusal.h"
#include "core/actor.h"
#include "core/compat.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/own_statement.h"
#include "ledger/deployment.h"
#include "ledger/tables.h"
#include "ledger/transaction.h"
#include "pipeline/capability.h"

PG_FUNCTION_INFO_V1(dbm_deployment_start);
PG_FUNCTION_INFO_V1(dbm_deployment_finish);
PG_FUNCTION_INFO_V1(dbm_backend_alive);

/* objsubid of our lock on the extension; ledger/transaction.c has another */
#define FINISH_LOCK 2

static DbmRow *
make_row(Datum manifest, Datum claims, bool single)
{
	DbmRow *row = dbm_row_make(&dbm_deployment_table);
	DbmActor actor;

	dbm_actor_get(&actor);
	dbm_row_set_int64(row, DBM_DEPLOYMENT_ID, dbm_table_next_id(&dbm_deployment_table));
	dbm_row_set_text(row, DBM_DEPLOYMENT_ENVIRONMENT, dbm_environment()->name);
	dbm_row_set(row, DBM_DEPLOYMENT_SINGLE, BoolGetDatum(single));
	dbm_row_set(row, DBM_DEPLOYMENT_MANIFEST, manifest);
	dbm_row_set(row, DBM_DEPLOYMENT_CLAIMS, claims);
	dbm_row_set(row, DBM_DEPLOYMENT_STARTED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_text(row, DBM_DEPLOYMENT_STARTED_BY, actor.authenticated_name);
	dbm_row_set(row, DBM_DEPLOYMENT_STARTED_BY_OID, ObjectIdGetDatum(actor.authenticated));
	dbm_row_set_text(row, DBM_DEPLOYMENT_APPLICATION_NAME, actor.application_name);
	dbm_row_set_text(row, DBM_DEPLOYMENT_CLIENT_ADDRESS, actor.client_address);
	dbm_row_set(row, DBM_DEPLOYMENT_BACKEND_PID, Int32GetDatum(actor.pid));
	dbm_row_set(row, DBM_DEPLOYMENT_BACKEND_START, TimestampTzGetDatum(actor.backend_start));
	return row;
}

void
dbm_deployment_close(DbmRow *row, const char *outcome)
{
	dbm_row_set(row, DBM_DEPLOYMENT_FINISHED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_text(row, DBM_DEPLOYMENT_OUTCOME, outcome);
}

DbmRow *
dbm_deployment_single(const char *change)
{
	StringInfoData manifest;

	initStringInfo(&manifest);
	appendStringInfoString(&manifest, "[{\"change\": ");
	escape_json(&manifest, change);
	appendStringInfoString(&manifest, "}]");
	return make_row(DirectFunctionCall1(jsonb_in, CStringGetDatum(manifest.data)),
					DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")), true);
}

void
dbm_deployment_require_open(int64 deployment)
{
	DbmRow *row = dbm_row_make(&dbm_deployment_table);

	if (!dbm_table_get_int64(&dbm_deployment_table, deployment, row, NULL))
		ereport(ERROR, (errcode(ERRCODE_DBM_DEPLOYMENT_STATE),
						errmsg("deployment " INT64_FORMAT " does not exist", deployment),
						errdetail("It may belong to another environment, or its transaction was "
								  "rolled back."),
						errhint("Open one with dbm_deployment_start.")));
	if (!row->nulls[DBM_DEPLOYMENT_OUTCOME])
		ereport(ERROR,
				(errcode(ERRCODE_DBM_DEPLOYMENT_STATE),
						errmsg("deployment " INT64_FORMAT " is closed", deployment),
				 errdetail("Its outcome is \"%s\".", dbm_row_text(row, DBM_DEPLOYMENT_OUTCOME)),
						errhint("Open another one with dbm_deployment_start.")));
}

static Datum
require_json(FunctionCallInfo fcinfo, int argument, const char *what, bool array)
{
	Jsonb *value;

	if (PG_ARGISNULL(argument))
		return DirectFunctionCall1(jsonb_in, CStringGetDatum(array ? "[]" : "{}"));
	value = PG_GETARG_JSONB_P(argument);
	if (array ? !JB_ROOT_IS_ARRAY(value) || JB_ROOT_IS_SCALAR(value) : !JB_ROOT_IS_OBJECT(value))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must be a JSON %s", what, array ? "array" : "object"),
						errhint("%s", array ? "Elements are {\"change\": \"<name>\", \"hash\": "
											  "\"<SHA-256 of the script, hex>\"}."
											: "Pass for instance '{\"commit\": \"4f2a...\"}'.")));
	return JsonbPGetDatum(value);
}

static void
record(const char *action, int64 deployment, const char *detail)
{
	DbmEvent event = {
		.kind = "deployment",
		.action = action,
		.statement_length = -1,
		.deployment = deployment,
		.detail = detail,
	};

	dbm_event_record(&event);
	dbm_transaction_end_own_writes();
}

static Datum
start_body(PG_FUNCTION_ARGS)
{
	DbmRow *row;
	int64 id;

	dbm_require_own_statement(fcinfo, "dbm_deployment_start");
	dbm_require_same_version();
	dbm_require_initialised();
	dbm_require_attached("dbm_deployment_start");
	dbm_capability_require(DBM_CAPABILITY_DEPLOY, "dbm_deployment_start");
	(void) dbm_transaction_begin_own_writes();
	row = make_row(require_json(fcinfo, 0, "manifest", true),
				   require_json(fcinfo, 1, "commit", false), false);
	id = dbm_row_int64(row, DBM_DEPLOYMENT_ID);
	dbm_table_insert(row);
	record("dbm_deployment_start", id, NULL);
	PG_RETURN_INT64(id);
}

static Datum
finish_body(PG_FUNCTION_ARGS)
{
	static const char *const outcomes[] = {"succeeded", "failed", "cancelled"};
	int64 id;
	char *outcome;
	DbmRow *row = dbm_row_make(&dbm_deployment_table);
	ItemPointerData tid;
	bool known = false;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("deployment and outcome must not be null"),
						errhint("Run: SELECT dbm_deployment_finish(<deployment>, 'succeeded');")));
	id = PG_GETARG_INT64(0);
	outcome = text_to_cstring(PG_GETARG_TEXT_PP(1));
	dbm_require_own_statement(fcinfo, "dbm_deployment_finish");
	dbm_require_same_version();
	dbm_require_initialised();
	dbm_capability_require(DBM_CAPABILITY_DEPLOY, "dbm_deployment_finish");
	for (int at = 0; at < lengthof(outcomes); at++)
		known = known || strcmp(outcomes[at], outcome) == 0;
	if (!known)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid outcome of a deployment: \"%s\"", outcome),
						errhint("Say succeeded, failed or cancelled.")));
	(void) dbm_transaction_begin_own_writes();
	/* of two who close it, the second is told the outcome of the first */
	LockDatabaseObject(ExtensionRelationId, dbm_extension_oid(), FINISH_LOCK, ExclusiveLock);
	dbm_deployment_require_open(id);
	(void) dbm_table_get_int64(&dbm_deployment_table, id, row, &tid);
	dbm_deployment_close(row, outcome);
	dbm_table_update(row, &tid);
	record("dbm_deployment_finish", id, outcome);
	PG_RETURN_VOID();
}

Datum
dbm_deployment_start(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_deployment_start", start_body);
}

Datum
dbm_deployment_finish(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_deployment_finish", finish_body);
}

/*
 * _dbm_backend_alive(pid, backend_start): does this backend still exist?  The
 * view pg_stat_activity would show the start to the privileged only.
 */
Datum
dbm_backend_alive(PG_FUNCTION_ARGS)
{
	int pid = PG_GETARG_INT32(0);
	TimestampTz start = PG_GETARG_TIMESTAMPTZ(1);
	int count = pgstat_fetch_stat_numbackends();

	for (int at = 1; at <= count; at++)
	{
		LocalPgBackendStatus *local = dbm_backend_status(at);

		if (local && local->backendStatus.st_procpid == pid &&
			local->backendStatus.st_proc_start_timestamp == start)
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}
