/*
 * ledger/fingerprint.c: table fingerprint
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "core/installed.h"
#include "ledger/change.h"
#include "ledger/fingerprint.h"
#include "ledger/tables.h"
#include "ledger/transaction.h"

static bool
has_failed(const DbmRow *run)
{
	return strcmp(dbm_row_text(run, DBM_RUN_OUTCOME), "failed") == 0;
}

int64
dbm_fingerprint_last_run(void)
{
	DbmRow *row = dbm_row_make(&dbm_run_table);
	DbmScan *scan = dbm_scan_begin(&dbm_run_table, dbm_run_table.primary_key, 0, NULL);
	int64 last_run = 0;

	/*
	 * A failed run changes nothing, and its row may be there before those of
	 * the transaction that it failed in.
	 */
	while (last_run == 0 && dbm_scan_previous(scan, row))
	{
		CHECK_FOR_INTERRUPTS();
		if (!has_failed(row))
			last_run = dbm_row_int64(row, DBM_RUN_ID);
	}
	dbm_scan_end(scan);
	return last_run;
}

/* A copy has the ledger of the database it was taken from; what it is itself, it cannot say. */
static bool
is_attached(void)
{
	DbmIdentity identity = dbm_environment()->identity;

	return identity == DBM_IDENTITY_ATTACHED || identity == DBM_IDENTITY_UNCONFIRMED;
}

/* Reads the one row; false if there is none. */
static bool
read_row(DbmRow *row, ItemPointer tid)
{
	DbmScan *scan = dbm_scan_begin(&dbm_fingerprint_table, NULL, 0, NULL);
	bool found = dbm_scan_next(scan, row);

	if (found)
	{
		dbm_row_copy(row);
		*tid = dbm_scan_tid(scan);
	}
	dbm_scan_end(scan);
	return found;
}

char *
dbm_fingerprint_known(void)
{
	DbmRow *row = dbm_row_make(&dbm_fingerprint_table);
	ItemPointerData tid;

	if (!is_attached() || !read_row(row, &tid) ||
		dbm_row_int64(row, DBM_FINGERPRINT_LAST_RUN) != dbm_fingerprint_last_run())
		return NULL;
	return dbm_row_text(row, DBM_FINGERPRINT_FINGERPRINT);
}

bool
dbm_fingerprint_is_known(const char *fingerprint)
{
	char *known = dbm_fingerprint_known();

	return known && strcmp(known, fingerprint) == 0;
}

static bool
may_write(void)
{
	return is_attached() && !XactReadOnly && !RecoveryInProgress() && !IsInParallelMode();
}

void
dbm_fingerprint_remember(const char *fingerprint, int64 last_run)
{
	DbmRow *row = dbm_row_make(&dbm_fingerprint_table);
	DbmRow *present = dbm_row_make(&dbm_fingerprint_table);
	ItemPointerData tid;

	if (!may_write())
		return;
	(void) dbm_transaction_begin_own_writes();
	/* nobody is to wait for a transaction that somebody has left open behind a plan */
	if (!dbm_table_try_lock(&dbm_fingerprint_table))
		return;
	dbm_row_set(row, DBM_FINGERPRINT_SINGLE, BoolGetDatum(true));
	dbm_row_set_text(row, DBM_FINGERPRINT_FINGERPRINT, fingerprint);
	dbm_row_set_int64(row, DBM_FINGERPRINT_LAST_RUN, last_run);
	dbm_row_set(row, DBM_FINGERPRINT_RECORDED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_text(row, DBM_FINGERPRINT_RECORDED_BY,
					 GetUserNameFromId(GetAuthenticatedUserId(), false));
	if (read_row(present, &tid))
		dbm_table_update(row, &tid);
	else
		dbm_table_insert(row);
	dbm_transaction_end_own_writes();
}

/* Is it applied with the content that the manifest names? */
static bool
is_applied_as_planned(const DbmRow *planned)
{
	DbmRow *change = dbm_row_make(&dbm_change_table);
	uint8 wanted[DBM_DIGEST_LENGTH];
	uint8 applied[DBM_DIGEST_LENGTH];

	if (!dbm_change_find(dbm_row_text(planned, DBM_DEPLOYMENT_CHANGE_CHANGE), change, NULL) ||
		!dbm_change_is(change, "applied"))
		return false;
	if (dbm_row_digest(planned, DBM_DEPLOYMENT_CHANGE_HASH, wanted) &&
		dbm_row_digest(change, DBM_CHANGE_SCRIPT, applied) &&
		memcmp(wanted, applied, DBM_DIGEST_LENGTH) == 0)
		return true;
	if (dbm_row_digest(planned, DBM_DEPLOYMENT_CHANGE_TOKENS, wanted))
		return dbm_row_digest(change, DBM_CHANGE_TOKENS, applied) &&
			   memcmp(wanted, applied, DBM_DIGEST_LENGTH) == 0;
	return planned->nulls[DBM_DEPLOYMENT_CHANGE_HASH];
}

static bool
all_applied(int64 deployment)
{
	DbmRow *row = dbm_row_make(&dbm_deployment_change_table);
	ScanKeyData key;
	DbmScan *scan;
	bool all = true;

	ScanKeyInit(&key, DBM_DEPLOYMENT_CHANGE_DEPLOYMENT + 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(deployment));
	scan = dbm_scan_begin(&dbm_deployment_change_table, dbm_deployment_change_table.primary_key, 1,
						  &key);
	while (all && dbm_scan_next(scan, row))
		all = is_applied_as_planned(row);
	dbm_scan_end(scan);
	return all;
}

/* Has nothing run since but what belongs to this deployment?  last_run is moved on. */
static bool
nothing_else_ran(int64 deployment, int64 *last_run)
{
	DbmRow *row = dbm_row_make(&dbm_run_table);
	ScanKeyData key;
	DbmScan *scan;
	bool alone = true;

	ScanKeyInit(&key, DBM_RUN_ID + 1, BTGreaterStrategyNumber, F_INT8GT, Int64GetDatum(*last_run));
	scan = dbm_scan_begin(&dbm_run_table, dbm_run_table.primary_key, 1, &key);
	while (alone && dbm_scan_next(scan, row))
	{
		if (has_failed(row))
			continue;
		*last_run = dbm_row_int64(row, DBM_RUN_ID);
		alone = dbm_row_int64(row, DBM_RUN_DEPLOYMENT) == deployment;
	}
	dbm_scan_end(scan);
	return alone;
}

void
dbm_fingerprint_of_deployment(const DbmRow *deployment)
{
	int64 id = dbm_row_int64(deployment, DBM_DEPLOYMENT_ID);
	int64 last_run = dbm_row_int64(deployment, DBM_DEPLOYMENT_LAST_RUN);

	if (deployment->nulls[DBM_DEPLOYMENT_FINGERPRINT])
		return;
	if (nothing_else_ran(id, &last_run) && all_applied(id))
		dbm_fingerprint_remember(dbm_row_text(deployment, DBM_DEPLOYMENT_FINGERPRINT), last_run);
}
