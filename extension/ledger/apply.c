/*
 * ledger/apply.c: dbm_apply and dbm_submit
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "audit/event.h"
#include "audit/refusal.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/own_statement.h"
#include "ledger/change.h"
#include "ledger/commit.h"
#include "ledger/deployment.h"
#include "ledger/run.h"
#include "ledger/tables.h"
#include "ledger/transaction.h"
#include "ledger/unfinished.h"
#include "pipeline/capability.h"
#include "pipeline/gate.h"
#include "schema/schema.h"

PG_FUNCTION_INFO_V1(dbm_apply);
PG_FUNCTION_INFO_V1(dbm_submit);

/* Has exactly this content been applied?  Asked before anything costs. */
static bool
is_applied_as_it_is(const DbmChange *change, int64 *run)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);
	uint8 given[DBM_DIGEST_LENGTH];
	uint8 applied[DBM_DIGEST_LENGTH];

	if (!dbm_change_find(change->name, row, NULL) || !dbm_change_is(row, "applied"))
		return false;
	dbm_digest_of(change->text, change->length, given);
	*run = dbm_row_int64(row, DBM_CHANGE_APPLIED_RUN);
	if (!dbm_row_digest(row, DBM_CHANGE_SCRIPT, applied) ||
		memcmp(given, applied, DBM_DIGEST_LENGTH) != 0)
		return false;
	dbm_change_note_rollback(row, change);
	return true;
}

/*
 * Is the change, now read, applied already?  Raises if it was applied with
 * other content, unless it is one that runs again whenever its content changes.
 */
static bool
is_applied(const DbmRow *row, const DbmChange *change, int64 *run)
{
	uint8 tokens[DBM_DIGEST_LENGTH];

	if (!dbm_change_is(row, "applied"))
		return false;
	*run = dbm_row_int64(row, DBM_CHANGE_APPLIED_RUN);
	if (dbm_change_runs_again(row, change))
		return dbm_row_digest(row, DBM_CHANGE_TOKENS, tokens) &&
			   memcmp(tokens, change->script->tokens_digest, DBM_DIGEST_LENGTH) == 0;
	dbm_change_require_same(row, change);
	dbm_change_note_rollback(row, change);
	return true;
}

/*
 * What every function here asks first.  hidden, which lives in the frame of
 * the body, stays in force until dbm_audit_call puts the stack back.
 */
static void
require_deployer(FunctionCallInfo fcinfo, const char *act, ErrorContextCallback *hidden)
{
	dbm_require_own_statement(fcinfo, act);
	dbm_run_hide_statement(hidden);
	dbm_require_same_version();
	dbm_require_initialised();
	dbm_require_attached(act);
	dbm_capability_require(DBM_CAPABILITY_DEPLOY, act);
}

/* What is done of it in steps would be done again, unless that is nothing. */
static void
require_whole(const DbmRow *row, const DbmChange *change)
{
	const char *name = quote_literal_cstr(change->name);
	DbmRow *run = dbm_row_make(&dbm_run_table);

	if (!dbm_change_is(row, "partial") || !dbm_unfinished_require_same(change, row, run) ||
		!dbm_unfinished_left_anything(run))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DBM_PARTIAL), errmsg("change \"%s\" is applied in part", change->name),
			 errdetail("Some of its steps are done."),
			 errhint("Run CALL dbm_resume(%s); to go on, or CALL dbm_rollback_in_steps(%s); to go "
					 "back.",
					 name, name)));
}

static Datum
apply_body(PG_FUNCTION_ARGS)
{
	DbmChange change;
	DbmRun run = {0};
	DbmRow *known = dbm_row_make(&dbm_change_table);
	ErrorContextCallback hidden;
	int64 applied_run;

	dbm_change_name(fcinfo, &change);
	/* a client that deploys a commit calls dbm_apply_in_steps then */
	if (!PG_ARGISNULL(4))
		dbm_refusal_answered(ERRCODE_DBM_NOT_TRANSACTIONAL);
	dbm_transaction_require_outside_run("dbm_apply");
	require_deployer(fcinfo, "dbm_apply", &hidden);
	dbm_change_arguments(fcinfo, &change);
	if (is_applied_as_it_is(&change, &applied_run))
		return dbm_run_nothing(fcinfo, change.name, applied_run);
	dbm_transaction_require_fit("dbm_apply");

	dbm_change_read(&change);
	dbm_transaction_lock_deployment();
	dbm_change_lock(change.name);
	if (dbm_change_find(change.name, known, NULL))
	{
		if (is_applied(known, &change, &applied_run))
			return dbm_run_nothing(fcinfo, change.name, applied_run);
		require_whole(known, &change);
	}
	if (!PG_ARGISNULL(4))
		run.provenance = dbm_deployment_admit(PG_GETARG_INT64(4), &change);
	dbm_gate_require_all(change.name, change.script);
	dbm_transaction_force_synchronous();
	dbm_schema_mark();

	run.change = change.name;
	run.script = change.script;
	run.deployment = PG_ARGISNULL(4) ? 0 : PG_GETARG_INT64(4);
	dbm_run_perform(&run);

	dbm_change_release_text(&change);
	dbm_change_write(&change, "applied", run.id);
	dbm_run_record(&run);
	if (run.single_deployment)
		dbm_schema_save();
	dbm_commit_expect(DBM_CAPABILITY_DEPLOY, "dbm_apply", run.change);
	return dbm_run_result(fcinfo, &run, "applied");
}

static void
write_submission(const DbmChange *change)
{
	DbmRow *row = dbm_row_make(&dbm_submission_table);

	dbm_row_set_int64(row, DBM_SUBMISSION_ID, dbm_table_next_id(&dbm_submission_table));
	dbm_row_set_text(row, DBM_SUBMISSION_CHANGE, change->name);
	dbm_row_set_digest(row, DBM_SUBMISSION_APPROVAL, change->approval);
	dbm_row_set_digest(row, DBM_SUBMISSION_SCRIPT, change->script->bytes_digest);
	if (change->rollback)
		dbm_row_set_digest(row, DBM_SUBMISSION_ROLLBACK, change->rollback->bytes_digest);
	dbm_row_set(row, DBM_SUBMISSION_HEADER, dbm_header_jsonb(change->script));
	dbm_row_set(row, DBM_SUBMISSION_CLAIMS, change->claims);
	dbm_row_set(row, DBM_SUBMISSION_SUBMITTED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_text(row, DBM_SUBMISSION_SUBMITTED_BY,
					 GetUserNameFromId(GetAuthenticatedUserId(), false));
	dbm_row_set(row, DBM_SUBMISSION_SUBMITTED_BY_OID, ObjectIdGetDatum(GetAuthenticatedUserId()));
	dbm_table_insert(row);
}

/* Is the newest content that the ledger has for this change exactly this one? */
static bool
is_submitted(const DbmRow *row, const DbmChange *change)
{
	uint8 approval[DBM_DIGEST_LENGTH];

	return dbm_row_digest(row, DBM_CHANGE_APPROVAL, approval) &&
		   memcmp(approval, change->approval, DBM_DIGEST_LENGTH) == 0;
}

static Datum
submit_body(PG_FUNCTION_ARGS)
{
	DbmChange change;
	ErrorContextCallback hidden;
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmEvent event = {.kind = "submission", .action = "dbm_submit", .statement_length = -1};
	bool known;

	dbm_change_name(fcinfo, &change);
	dbm_transaction_require_outside_run("dbm_submit");
	require_deployer(fcinfo, "dbm_submit", &hidden);
	dbm_change_arguments(fcinfo, &change);
	PreventCommandIfReadOnly("dbm_submit");
	/* how it is applied is decided when it is */
	change.in_steps = true;
	dbm_change_read(&change);
	(void) dbm_transaction_begin_own_writes();
	/* not the deployment's lock: people submit while others deploy */
	dbm_change_lock(change.name);
	known = dbm_change_find(change.name, row, NULL);
	if (known && dbm_change_is(row, "applied") && !dbm_change_runs_again(row, &change))
		dbm_change_require_same(row, &change);
	else if (!known || !is_submitted(row, &change))
	{
		bool applied = known && (dbm_change_is(row, "applied") || dbm_change_is(row, "partial"));

		/* what is applied, or some of it, stays what it is until its new content has run */
		if (!applied)
			dbm_change_write(&change, "submitted", 0);
		dbm_change_store_scripts(&change);
		if (!dbm_submission_exists(change.name, change.approval))
			write_submission(&change);
		event.change = change.name;
		event.detail = psprintf("approval hash %s", dbm_hex(change.approval, DBM_DIGEST_LENGTH));
		dbm_event_record(&event);
		dbm_transaction_end_own_writes();
	}
	PG_RETURN_TEXT_P(cstring_to_text(dbm_hex(change.approval, DBM_DIGEST_LENGTH)));
}

Datum
dbm_apply(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_apply", apply_body);
}

Datum
dbm_submit(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_submit", submit_body);
}
