/*
 * ledger/baseline.c: dbm_baseline, the first change of a database that was there before
 *
 * The script is recorded as applied and never run.  That it makes this schema
 * is the caller's word, which "dbmaestro baseline" has proven elsewhere; that
 * this is the schema it was proven of, the root hash says, which is compared
 * here once no other deployment can be under way.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/refusal.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/own_statement.h"
#include "ledger/change.h"
#include "ledger/commit.h"
#include "ledger/deployment.h"
#include "ledger/manifest.h"
#include "ledger/run.h"
#include "ledger/tables.h"
#include "ledger/transaction.h"
#include "pipeline/capability.h"
#include "schema/schema.h"

PG_FUNCTION_INFO_V1(dbm_baseline);

#define LABEL "baseline"

/* How many changes a refusal lists. */
#define LISTED 5

static void
require_admin(FunctionCallInfo fcinfo, ErrorContextCallback *hidden)
{
	dbm_require_own_statement(fcinfo, "dbm_baseline");
	dbm_run_hide_statement(hidden);
	dbm_require_same_version();
	dbm_require_initialised();
	dbm_require_attached("dbm_baseline");
	dbm_capability_require(DBM_CAPABILITY_ADMIN, "dbm_baseline");
}

static void
read_root(FunctionCallInfo fcinfo, uint8 *root)
{
	char *given;

	if (PG_ARGISNULL(4))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("root must not be null"),
						errhint("Pass the root hash of the schema that the script makes, as "
								"dbm_schema_hash() gives it there.")));
	given = text_to_cstring(PG_GETARG_TEXT_PP(4));
	if (!dbm_manifest_read_digest(given, strlen(given), root))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid root hash"),
						errhint("Give a SHA-256 as 64 hexadecimal digits.")));
}

/* Has this change been applied or adopted before?  Raises if that was with other content. */
static bool
is_applied(const DbmChange *change, int64 *run)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);

	if (!dbm_change_find(change->name, row, NULL) || !dbm_change_is(row, "applied"))
		return false;
	*run = dbm_row_int64(row, DBM_CHANGE_APPLIED_RUN);
	dbm_change_require_same(row, change);
	dbm_change_note_rollback(row, change);
	return true;
}

static void
require_versioned(const DbmChange *change)
{
	if (change->repeatable)
		ereport(ERROR, (errcode(ERRCODE_DBM_SCRIPT_REFUSED),
						errmsg("a repeatable change cannot be a baseline"),
						errdetail("It would be run as soon as its content changes."),
						errhint("Remove the header field Repeatable.")));
}

/* Is what the row says of no consequence for the schema that is there? */
static bool
is_undone(const DbmRow *row)
{
	return dbm_change_is(row, "submitted") || dbm_change_is(row, "rolled back") ||
		   dbm_change_is(row, "reset");
}

/* A baseline is where the ledger begins: what is applied says already what the schema is made of. */
static void
require_first(void)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmScan *scan = dbm_scan_begin(&dbm_change_table, dbm_change_table.primary_key, 0, NULL);
	StringInfoData list;
	int count = 0;

	initStringInfo(&list);
	while (dbm_scan_next(scan, row))
	{
		CHECK_FOR_INTERRUPTS();
		if (is_undone(row))
			continue;
		if (count++ < LISTED)
			appendStringInfo(&list, "%s\"%s\" is %s", list.len > 0 ? ", " : "",
							 dbm_row_text(row, DBM_CHANGE_CHANGE),
							 dbm_row_text(row, DBM_CHANGE_STATE));
	}
	dbm_scan_end(scan);
	if (count > 0)
		ereport(ERROR, (errcode(ERRCODE_DBM_BASELINE),
						errmsg("environment \"%s\" has changes already", dbm_environment()->name),
						errdetail("Change %s%s.", list.data, count > LISTED ? ", ..." : ""),
						errhint("A baseline comes before all other changes.  Put what is to come "
								"into a change of its own and apply that.")));
}

static void
require_root(const uint8 *wanted, const uint8 *live)
{
	const char *name = dbm_environment()->name;

	if (memcmp(wanted, live, DBM_DIGEST_LENGTH) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DBM_DRIFT),
				 errmsg("the schema of environment \"%s\" is not that of the baseline", name),
				 errdetail("Its root hash is %s, that of the baseline is %s.",
						   dbm_hex(live, DBM_DIGEST_LENGTH), dbm_hex(wanted, DBM_DIGEST_LENGTH)),
				 errhint("See what differs: dbmaestro baseline %s", name)));
}

/* Takes the snapshot that all later ones are compared with; it must be of the schema meant. */
static void
take_snapshot(DbmRun *run, const uint8 *wanted)
{
	dbm_schema_root(run->root_after);
	require_root(wanted, run->root_after);
	run->snapshot_after = dbm_snapshot_record(LABEL, run->deployment, run->root_after);
	/* the one recorded may be of a moment later */
	require_root(wanted, run->root_after);
}

static void
fill_run(DbmRun *run, const DbmChange *change)
{
	run->change = change->name;
	run->script = change->script;
	run->adopted = true;
	run->reason = LABEL;
	run->id = dbm_table_next_greatest_id(&dbm_run_table);
	run->single_deployment = dbm_deployment_single(change->name);
	dbm_row_set(run->single_deployment, DBM_DEPLOYMENT_CLAIMS, change->claims);
	run->deployment = dbm_row_int64(run->single_deployment, DBM_DEPLOYMENT_ID);
	run->execution.started_at = GetCurrentTimestamp();
	run->execution.ran_as = GetUserId();
}

static Datum
baseline_body(PG_FUNCTION_ARGS)
{
	DbmChange change;
	DbmRun run = {0};
	ErrorContextCallback hidden;
	uint8 wanted[DBM_DIGEST_LENGTH];
	int64 applied_run;

	dbm_change_name(fcinfo, &change);
	dbm_transaction_require_outside_run("dbm_baseline");
	require_admin(fcinfo, &hidden);
	dbm_change_arguments(fcinfo, &change);
	read_root(fcinfo, wanted);
	dbm_transaction_require_fit("dbm_baseline");

	dbm_change_read(&change);
	require_versioned(&change);
	dbm_transaction_lock_deployment();
	dbm_change_lock(change.name);
	if (is_applied(&change, &applied_run))
		return dbm_run_nothing(fcinfo, change.name, applied_run);
	require_first();
	dbm_transaction_force_synchronous();

	fill_run(&run, &change);
	take_snapshot(&run, wanted);
	dbm_change_release_text(&change);
	dbm_change_write(&change, "applied", run.id);
	dbm_run_record(&run);
	dbm_schema_save();
	dbm_commit_expect(DBM_CAPABILITY_ADMIN, "dbm_baseline", run.change);
	return dbm_run_result(fcinfo, &run, "adopted");
}

Datum
dbm_baseline(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_baseline", baseline_body);
}
