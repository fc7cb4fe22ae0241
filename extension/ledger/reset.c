/*
 * ledger/reset.c: dbm_reset, which makes a development database fresh again
 *
 * The ledger keeps what happened; what was applied is pending once more.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/event.h"
#include "audit/refusal.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/own_statement.h"
#include "core/result.h"
#include "core/settings.h"
#include "ledger/change.h"
#include "ledger/commit.h"
#include "ledger/deployment.h"
#include "ledger/reset.h"
#include "ledger/run.h"
#include "ledger/tables.h"
#include "ledger/transaction.h"
#include "pipeline/capability.h"
#include "pipeline/gate.h"
#include "schema/schema.h"

PG_FUNCTION_INFO_V1(dbm_reset);

/* One reset on its way; what its runs have in common. */
typedef struct Reset
{
	DbmRun run;
	DbmScript script;			/* of the change at hand: its digest alone */
	bool snapshots;
	int64 objects;
	int64 changes;
} Reset;

/* The schema of an environment that somebody has to approve of is not thrown away in one call. */
static void
require_allowed(void)
{
	const char *name = dbm_environment()->name;
	const char *gates = dbm_gate_established();

	if (gates)
		ereport(ERROR,
				(errcode(ERRCODE_DBM_RESET),
				 errmsg("environment \"%s\" has gates: dbm_reset is not for it", name),
				 errdetail("%s", gates),
				 errhint("Reset the environments before it; change this one by deployments.")));
	if (!dbm_setting_bool(DBM_SETTING_ALLOW_RESET))
		ereport(ERROR, (errcode(ERRCODE_DBM_RESET),
						errmsg("dbm_reset is not allowed in environment \"%s\"", name),
						errdetail("The setting allow_reset is off."),
						errhint("If everything in this database may be thrown away, run: SELECT "
								"dbm_configure('allow_reset', 'on');")));
}

/* Names of the changes that are applied, all of them or in part. */
static List *
list_applied(void)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmScan *scan = dbm_scan_begin(&dbm_change_table, dbm_change_table.primary_key, 0, NULL);
	List *names = NIL;

	while (dbm_scan_next(scan, row))
	{
		if (dbm_change_is(row, "applied") || dbm_change_is(row, "partial"))
			names = lappend(names, dbm_row_text(row, DBM_CHANGE_CHANGE));
	}
	dbm_scan_end(scan);
	return names;
}

/* Each applied change gets a run that says what became of it, and is pending again. */
static void
reset_changes(Reset *reset)
{
	List *names = list_applied();
	ListCell *cell;

	reset->changes = list_length(names);
	reset->run.script = &reset->script;
	foreach (cell, names)
	{
		DbmRow *change = dbm_row_make(&dbm_change_table);

		CHECK_FOR_INTERRUPTS();
		reset->run.change = lfirst(cell);
		if (!dbm_change_find(reset->run.change, change, NULL) ||
			!dbm_row_digest(change, DBM_CHANGE_SCRIPT, reset->script.bytes_digest))
			elog(ERROR, "change \"%s\" is gone", reset->run.change);
		dbm_run_record_reset(&reset->run);
		dbm_change_set_state(reset->run.change, "reset", 0);
		pfree(change);
	}
}

static void
record(const Reset *reset)
{
	DbmEvent event = {.kind = "reset", .action = "dbm_reset", .statement_length = -1};

	dbm_deployment_close(reset->run.single_deployment, "succeeded");
	dbm_table_insert(reset->run.single_deployment);
	event.deployment = reset->run.deployment;
	event.detail = psprintf(INT64_FORMAT " changes, " INT64_FORMAT " objects%s%s", reset->changes,
							reset->objects, reset->run.reason ? ": " : "",
							reset->run.reason ? reset->run.reason : "");
	dbm_event_record(&event);
	dbm_transaction_end_own_writes();
}

static Datum
make_result(FunctionCallInfo fcinfo, const Reset *reset)
{
	Datum values[5] = {0};
	bool nulls[5] = {false, false, false, !reset->snapshots, !reset->snapshots};

	values[0] = Int64GetDatum(reset->changes);
	values[1] = Int64GetDatum(reset->objects);
	values[2] = Int64GetDatum(reset->run.deployment);
	if (reset->snapshots)
	{
		values[3] = CStringGetTextDatum(dbm_hex(reset->run.root_before, DBM_DIGEST_LENGTH));
		values[4] = CStringGetTextDatum(dbm_hex(reset->run.root_after, DBM_DIGEST_LENGTH));
	}
	return dbm_result_row(fcinfo, values, nulls);
}

static Datum
reset_body(PG_FUNCTION_ARGS)
{
	Reset reset = {0};
	DbmRun *run = &reset.run;

	dbm_transaction_require_outside_run("dbm_reset");
	dbm_require_own_statement(fcinfo, "dbm_reset");
	dbm_require_same_version();
	dbm_require_initialised();
	dbm_require_attached("dbm_reset");
	dbm_capability_require(DBM_CAPABILITY_ADMIN, "dbm_reset");
	require_allowed();
	dbm_transaction_require_fit("dbm_reset");
	dbm_transaction_lock_deployment();
	dbm_transaction_force_synchronous();

	run->reset = true;
	run->reason = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	run->single_deployment = dbm_deployment_single(NULL);
	run->deployment = dbm_row_int64(run->single_deployment, DBM_DEPLOYMENT_ID);
	run->execution.started_at = GetCurrentTimestamp();
	run->execution.ran_as = GetUserId();
	reset.snapshots = dbm_setting_bool(DBM_SETTING_SNAPSHOT);
	if (reset.snapshots)
		run->snapshot_before = dbm_snapshot_record(NULL, run->deployment, run->root_before);
	reset.objects = dbm_reset_objects(dbm_environment()->run_as);
	if (reset.snapshots)
		run->snapshot_after = dbm_snapshot_record(NULL, run->deployment, run->root_after);

	reset_changes(&reset);
	record(&reset);
	dbm_commit_expect(DBM_CAPABILITY_ADMIN, "dbm_reset", NULL);
	return make_result(fcinfo, &reset);
}

Datum
dbm_reset(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_reset", reset_body);
}
