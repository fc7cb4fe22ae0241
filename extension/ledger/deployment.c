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
#include "utils/fmgroids.h"
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
#include "ledger/fingerprint.h"
#include "ledger/manifest.h"
#include "ledger/tables.h"
#include "ledger/transaction.h"
#include "pipeline/capability.h"
#include "schema/schema.h"

PG_FUNCTION_INFO_V1(dbm_deployment_start);
PG_FUNCTION_INFO_V1(dbm_deployment_finish);
PG_FUNCTION_INFO_V1(dbm_backend_alive);

/* objsubid of our lock on the extension; ledger/transaction.c has another */
#define FINISH_LOCK 2

/* As long as no receipts prove it, what is said of another environment is a claim. */
#define UNVERIFIED "unverified"

/* ---- rows ---- */

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
	appendStringInfoChar(&manifest, '[');
	if (change)
	{
		appendStringInfoString(&manifest, "{\"change\": ");
		escape_json(&manifest, change);
		appendStringInfoChar(&manifest, '}');
	}
	appendStringInfoChar(&manifest, ']');
	return make_row(DirectFunctionCall1(jsonb_in, CStringGetDatum(manifest.data)),
					DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")), true);
}

/*
 * Reads what a deployment's row says of itself.  Not its manifest, which may be
 * large: this is asked for every change.
 */
static bool
read_state(int64 deployment, char **outcome, char **provenance)
{
	DbmRow *row = dbm_row_make(&dbm_deployment_table);
	ScanKeyData key;
	DbmScan *scan;
	bool found;

	ScanKeyInit(&key, DBM_DEPLOYMENT_ID + 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(deployment));
	scan = dbm_scan_begin(&dbm_deployment_table, dbm_deployment_table.primary_key, 1, &key);
	found = dbm_scan_next(scan, row);
	if (found)
	{
		*outcome = dbm_row_text(row, DBM_DEPLOYMENT_OUTCOME);
		*provenance = dbm_row_text(row, DBM_DEPLOYMENT_PROVENANCE);
	}
	dbm_scan_end(scan);
	return found;
}

/* Raises unless the deployment is open. */
static void
require_open(int64 deployment, char **provenance)
{
	char *outcome;

	if (!read_state(deployment, &outcome, provenance))
		ereport(ERROR, (errcode(ERRCODE_DBM_DEPLOYMENT_STATE),
						errmsg("deployment " INT64_FORMAT " does not exist", deployment),
						errdetail("It may belong to another environment, or its transaction was "
								  "rolled back."),
						errhint("Open one with dbm_deployment_start.")));
	if (outcome)
		ereport(ERROR, (errcode(ERRCODE_DBM_DEPLOYMENT_STATE),
						errmsg("deployment " INT64_FORMAT " is closed", deployment),
						errdetail("Its outcome is \"%s\".", outcome),
						errhint("Open another one with dbm_deployment_start.")));
}

/* ---- what a deployment lets in ---- */

static bool
find_planned(int64 deployment, const char *change, DbmRow *row)
{
	ScanKeyData keys[2];
	DbmScan *scan;
	bool found;

	ScanKeyInit(&keys[0], DBM_DEPLOYMENT_CHANGE_DEPLOYMENT + 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(deployment));
	ScanKeyInit(&keys[1], DBM_DEPLOYMENT_CHANGE_CHANGE + 1, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(change));
	scan = dbm_scan_begin(&dbm_deployment_change_table, dbm_deployment_change_table.primary_key, 2,
						  keys);
	found = dbm_scan_next(scan, row);
	if (found)
		dbm_row_copy(row);
	dbm_scan_end(scan);
	return found;
}

/* Does the column, if it says anything, say this digest? */
static bool
agrees(const DbmRow *row, int column, const uint8 *digest)
{
	uint8 wanted[DBM_DIGEST_LENGTH];

	return !dbm_row_digest(row, column, wanted) || memcmp(wanted, digest, DBM_DIGEST_LENGTH) == 0;
}

static void
require_as_planned(int64 deployment, const DbmChange *change, const DbmRow *planned)
{
	const DbmScript *script = change->script;
	int column = planned->nulls[DBM_DEPLOYMENT_CHANGE_HASH] ? DBM_DEPLOYMENT_CHANGE_TOKENS
															: DBM_DEPLOYMENT_CHANGE_HASH;
	const uint8 *digest = column == DBM_DEPLOYMENT_CHANGE_HASH ? script->bytes_digest
															   : script->tokens_digest;
	uint8 wanted[DBM_DIGEST_LENGTH];

	if (agrees(planned, column, digest))
		return;
	(void) dbm_row_digest(planned, column, wanted);
	ereport(ERROR,
			(errcode(ERRCODE_DBM_NOT_IN_DEPLOYMENT),
			 errmsg("change \"%s\" is not what the manifest of deployment " INT64_FORMAT " says",
					change->name, deployment),
			 errdetail("In the manifest: SHA-256 %s; now: %s.", dbm_hex(wanted, DBM_DIGEST_LENGTH),
					   dbm_hex(digest, DBM_DIGEST_LENGTH)),
			 errhint("Send the script that was planned, or open another deployment with "
					 "dbm_deployment_start.")));
}

/* Name of the environment whose manifest the deployment came with. */
static char *
followed_name(int64 deployment)
{
	DbmRow *row = dbm_row_make(&dbm_deployment_table);

	(void) dbm_table_get_int64(&dbm_deployment_table, deployment, row, NULL);
	return dbm_manifest_environment(DatumGetJsonbP(row->values[DBM_DEPLOYMENT_FOLLOWED]));
}

static void
require_promoted(int64 deployment, const DbmChange *change, const DbmRow *planned)
{
	uint8 there[DBM_DIGEST_LENGTH];
	char *follows;

	if (dbm_row_digest(planned, DBM_DEPLOYMENT_CHANGE_FOLLOWED, there) &&
		memcmp(there, change->script->bytes_digest, DBM_DIGEST_LENGTH) == 0)
		return;
	follows = followed_name(deployment);
	if (planned->nulls[DBM_DEPLOYMENT_CHANGE_FOLLOWED])
		ereport(ERROR,
				(errcode(ERRCODE_DBM_NOT_PROMOTED),
				 errmsg("change \"%s\" is not applied in the environment that \"%s\" follows",
						change->name, dbm_environment()->name),
				 errdetail("It is not in the manifest of \"%s\" that came with the deployment.",
						   follows),
				 errhint("Deploy it to \"%s\" first.", follows)));
	ereport(
		ERROR,
		(errcode(ERRCODE_DBM_NOT_PROMOTED),
		 errmsg("change \"%s\" is applied with other content in the environment that \"%s\" "
				"follows",
				change->name, dbm_environment()->name),
		 errdetail("In \"%s\": SHA-256 %s; now: %s.", follows, dbm_hex(there, DBM_DIGEST_LENGTH),
				   dbm_hex(change->script->bytes_digest, DBM_DIGEST_LENGTH)),
		 errhint("Deploy the commit that \"%s\" has.", follows)));
}

const char *
dbm_deployment_admit(int64 deployment, const DbmChange *change)
{
	DbmRow *planned = dbm_row_make(&dbm_deployment_change_table);
	char *provenance;

	require_open(deployment, &provenance);
	if (!find_planned(deployment, change->name, planned))
		ereport(ERROR, (errcode(ERRCODE_DBM_NOT_IN_DEPLOYMENT),
						errmsg("change \"%s\" is not in the manifest of deployment " INT64_FORMAT,
							   change->name, deployment),
						errdetail("A deployment brings what it was started for, and nothing else."),
						errhint("Apply it by itself, or open a deployment that names it with "
								"dbm_deployment_start.")));
	require_as_planned(deployment, change, planned);
	if (provenance)
		require_promoted(deployment, change, planned);
	return provenance;
}

/* ---- starting ---- */

static Datum
require_claims(FunctionCallInfo fcinfo, int argument)
{
	Jsonb *value;

	if (PG_ARGISNULL(argument))
		return DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
	value = PG_GETARG_JSONB_P(argument);
	if (!JB_ROOT_IS_OBJECT(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("commit must be a JSON object"),
				 errhint("Pass for instance '{\"commit\": \"4f2a...\"}'.")));
	return JsonbPGetDatum(value);
}

static DbmManifest *
require_manifest(Jsonb *json)
{
	DbmManifest *manifest = dbm_manifest_read(json);

	if (!manifest->has_changes)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("manifest of a deployment must have \"changes\""),
						errdetail("A fingerprint alone says nothing about what is to be brought."),
						errhint("Elements are {\"change\": \"<name>\", \"hash\": \"<SHA-256 of the "
								"script, hex>\"}.")));
	dbm_manifest_require_names(manifest);
	return manifest;
}

static void
write_changes(int64 deployment, const DbmManifest *manifest, const DbmFollowed *followed)
{
	DbmWriter *writer = dbm_writer_begin(&dbm_deployment_change_table);

	for (int at = 0; at < manifest->nentries; at++)
	{
		const DbmManifestEntry *entry = &manifest->entries[at];
		const DbmFollowedChange *there = followed ? dbm_followed_find(followed, entry->change)
												  : NULL;
		DbmRow *row = dbm_row_make(&dbm_deployment_change_table);

		CHECK_FOR_INTERRUPTS();
		dbm_row_set_int64(row, DBM_DEPLOYMENT_CHANGE_DEPLOYMENT, deployment);
		dbm_row_set_text(row, DBM_DEPLOYMENT_CHANGE_CHANGE, entry->change);
		dbm_row_set(row, DBM_DEPLOYMENT_CHANGE_ORDINAL, Int32GetDatum(at + 1));
		if (entry->has_hash)
			dbm_row_set_digest(row, DBM_DEPLOYMENT_CHANGE_HASH, entry->hash);
		if (entry->has_tokens)
			dbm_row_set_digest(row, DBM_DEPLOYMENT_CHANGE_TOKENS, entry->tokens);
		if (there)
			dbm_row_set_digest(row, DBM_DEPLOYMENT_CHANGE_FOLLOWED, there->hash);
		dbm_writer_insert(writer, row);
		pfree(row);
	}
	dbm_writer_end(writer);
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

bool
dbm_deployment_backend_is_alive(int pid, TimestampTz start)
{
	int count;

	/* the list that this transaction may have read before knows no newer sessions */
	pgstat_clear_backend_activity_snapshot();
	count = pgstat_fetch_stat_numbackends();
	for (int at = 1; at <= count; at++)
	{
		LocalPgBackendStatus *local = dbm_backend_status(at);

		if (local && local->backendStatus.st_procpid == pid &&
			local->backendStatus.st_proc_start_timestamp == start)
			return true;
	}
	return false;
}

bool
dbm_deployment_is_interrupted(const DbmRow *row)
{
	return row->nulls[DBM_DEPLOYMENT_OUTCOME] &&
		   !dbm_deployment_backend_is_alive(
			   DatumGetInt32(row->values[DBM_DEPLOYMENT_BACKEND_PID]),
			   DatumGetTimestampTz(row->values[DBM_DEPLOYMENT_BACKEND_START]));
}

DbmScan *
dbm_deployment_scan_open(void)
{
	ScanKeyData key;

	ScanKeyEntryInitialize(&key, SK_ISNULL | SK_SEARCHNULL, DBM_DEPLOYMENT_OUTCOME + 1,
						   InvalidStrategy, InvalidOid, InvalidOid, InvalidOid, (Datum) 0);
	return dbm_scan_begin(&dbm_deployment_table, "deployment_outcome_idx", 1, &key);
}

/* Numbers of deployments that are open although their session is gone (List of int64 *). */
static List *
find_interrupted(void)
{
	DbmRow *row = dbm_row_make(&dbm_deployment_table);
	DbmScan *scan = dbm_deployment_scan_open();
	List *found = NIL;

	while (dbm_scan_next(scan, row))
	{
		int64 *id;

		if (!dbm_deployment_is_interrupted(row))
			continue;
		id = palloc(sizeof(int64));
		*id = dbm_row_int64(row, DBM_DEPLOYMENT_ID);
		found = lappend(found, id);
	}
	dbm_scan_end(scan);
	return found;
}

/* Whoever starts the next deployment writes down what became of those before it. */
static void
close_interrupted(void)
{
	List *interrupted = find_interrupted();
	LOCKTAG tag;
	ListCell *cell;

	if (interrupted == NIL)
		return;
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, dbm_extension_oid(), FINISH_LOCK);
	/* somebody is closing one of them: the next start will see to the others */
	if (LockAcquire(&tag, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return;
	foreach (cell, interrupted)
	{
		int64 id = *(int64 *) lfirst(cell);
		DbmRow *row = dbm_row_make(&dbm_deployment_table);
		ItemPointerData tid;

		if (!dbm_table_get_int64(&dbm_deployment_table, id, row, &tid) ||
			!row->nulls[DBM_DEPLOYMENT_OUTCOME])
			continue;
		dbm_deployment_close(row, "interrupted");
		dbm_table_update(row, &tid);
		record("dbm_deployment_start", id, "interrupted: its session is gone");
	}
}

static int64
write_deployment(Datum json, Datum claims, const DbmManifest *manifest, const DbmFollowed *followed)
{
	DbmRow *row = make_row(json, claims, false);
	int64 id = dbm_row_int64(row, DBM_DEPLOYMENT_ID);

	if (manifest->fingerprint)
	{
		dbm_row_set_text(row, DBM_DEPLOYMENT_FINGERPRINT, manifest->fingerprint);
		dbm_row_set_int64(row, DBM_DEPLOYMENT_LAST_RUN,
						  manifest->last_run >= 0 ? manifest->last_run
												  : dbm_fingerprint_last_run());
	}
	if (followed)
	{
		dbm_row_set(row, DBM_DEPLOYMENT_FOLLOWED,
					JsonbPGetDatum(dbm_followed_part(followed, manifest)));
		dbm_row_set_text(row, DBM_DEPLOYMENT_PROVENANCE, UNVERIFIED);
	}
	dbm_table_insert(row);
	write_changes(id, manifest, followed);
	return id;
}

static bool
is_script_key(const JsonbValue *key)
{
	return key->val.string.len == strlen("script") &&
		   strncmp(key->val.string.val, "script", key->val.string.len) == 0;
}

/* The manifest with the hashes alone: scripts may hold secrets, and nobody has searched them. */
static Datum
leave_out_scripts(Datum manifest)
{
	Jsonb *json = DatumGetJsonbP(manifest);
	int elements = JB_ROOT_IS_ARRAY(json) ? 2 : 3;
	int level = 0;
	JsonbIterator *iterator = JsonbIteratorInit(&json->root);
	JsonbParseState *state = NULL;
	JsonbValue *result = NULL;
	JsonbIteratorToken token;
	JsonbValue value;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		bool plain = token == WJB_KEY || token == WJB_VALUE || token == WJB_ELEM;

		if (token == WJB_KEY && level == elements && is_script_key(&value))
		{
			(void) JsonbIteratorNext(&iterator, &value, true);
			continue;
		}
		if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT)
			level++;
		else if (!plain)
			level--;
		result = pushJsonbValue(&state, token, plain ? &value : NULL);
	}
	return JsonbPGetDatum(JsonbValueToJsonb(result));
}

static Datum
start_body(PG_FUNCTION_ARGS)
{
	Datum json;
	Datum claims;
	DbmManifest *manifest;
	DbmFollowed *followed = NULL;
	int64 id;

	dbm_require_own_statement(fcinfo, "dbm_deployment_start");
	dbm_require_same_version();
	dbm_require_initialised();
	dbm_require_attached("dbm_deployment_start");
	dbm_capability_require(DBM_CAPABILITY_DEPLOY, "dbm_deployment_start");
	PreventCommandIfReadOnly("dbm_deployment_start");
	json = PG_ARGISNULL(0) ? DirectFunctionCall1(jsonb_in, CStringGetDatum("[]"))
						   : JsonbPGetDatum(PG_GETARG_JSONB_P(0));
	manifest = require_manifest(DatumGetJsonbP(json));
	claims = require_claims(fcinfo, 1);
	if (!PG_ARGISNULL(2))
		followed = dbm_followed_read(PG_GETARG_JSONB_P(2));
	(void) dbm_transaction_begin_own_writes();
	close_interrupted();
	id = write_deployment(leave_out_scripts(json), claims, manifest, followed);
	record("dbm_deployment_start", id,
		   followed ? psprintf("%d changes, those of \"%s\" %s", manifest->nentries,
							   followed->environment, UNVERIFIED)
					: psprintf("%d changes", manifest->nentries));
	PG_RETURN_INT64(id);
}

/* ---- finishing ---- */

static Datum
finish_body(PG_FUNCTION_ARGS)
{
	static const char *const outcomes[] = {"succeeded", "failed", "cancelled"};
	int64 id;
	char *outcome;
	DbmRow *row = dbm_row_make(&dbm_deployment_table);
	ItemPointerData tid;
	char *provenance;
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
	require_open(id, &provenance);
	(void) dbm_table_get_int64(&dbm_deployment_table, id, row, &tid);
	dbm_deployment_close(row, outcome);
	dbm_table_update(row, &tid);
	record("dbm_deployment_finish", id, outcome);
	dbm_schema_save();
	if (strcmp(outcome, "succeeded") == 0)
		dbm_fingerprint_of_deployment(row);
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
	PG_RETURN_BOOL(dbm_deployment_backend_is_alive(PG_GETARG_INT32(0), PG_GETARG_TIMESTAMPTZ(1)));
}
