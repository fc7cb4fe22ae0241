/*
 * ledger/status.c: dbm_status, one row that says how things stand
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "audit/durable.h"
#include "audit/refusal.h"
#include "core/compat.h"
#include "core/installed.h"
#include "core/result.h"
#include "core/settings.h"
#include "ledger/blocker.h"
#include "ledger/deployment.h"
#include "ledger/lock_wait.h"
#include "ledger/manifest.h"
#include "ledger/tables.h"
#include "ledger/transaction.h"
#include "ledger/unfinished.h"
#include "pipeline/capability.h"

PG_FUNCTION_INFO_V1(dbm_status);

enum StatusColumn
{
	STATUS_ENVIRONMENT,
	STATUS_FOLLOWS,
	STATUS_GUARD,
	STATUS_GUARD_IN_FORCE,
	STATUS_TIER,
	STATUS_IDENTITY,
	STATUS_RUN_AS,
	STATUS_LIBRARY_VERSION,
	STATUS_EXTENSION_VERSION,
	STATUS_APPLIED,
	STATUS_SUBMITTED,
	STATUS_LAST_CHANGE,
	STATUS_LAST_APPLIED_AT,
	STATUS_OPEN_DEPLOYMENTS,
	STATUS_RECORDS_WAITING,
	STATUS_RECORDS_LOST,
	STATUS_FAILED,
	STATUS_INTERRUPTED_DEPLOYMENTS,
	STATUS_LOCK_PID,
	STATUS_LOCK_ROLE,
	STATUS_LOCK_APPLICATION,
	STATUS_LOCK_SINCE,
	STATUS_DEPLOYMENT,
	STATUS_DEPLOYMENT_STATE,
	STATUS_DEPLOYMENT_STARTED_AT,
	STATUS_DEPLOYMENT_STARTED_BY,
	STATUS_DEPLOYMENT_COMMIT,
	STATUS_DEPLOYMENT_REF,
	STATUS_DEPLOYMENT_FOLLOWED,
	STATUS_DEPLOYMENT_LAST_CHANGE,
	STATUS_DEPLOYMENT_SINGLE_TRANSACTION,
	STATUS_LOCK_BLOCKERS,
	STATUS_LOCK_QUEUE,
	STATUS_LOCK_TIMEOUT,
	STATUS_LOCK_RETRIES,
	STATUS_LOCK_RETRY_DELAY,
	STATUS_LOCK_RETRY_DEADLINE,
	STATUS_PARTIAL,
	STATUS_UNFINISHED_CHANGE,
	STATUS_UNFINISHED_RUN,
	STATUS_UNFINISHED_STATE,
	STATUS_UNFINISHED_AT,
	STATUS_UNFINISHED_EVIDENCE,
	STATUS_COLUMNS
};

typedef struct StatusRow
{
	Datum values[STATUS_COLUMNS];
	bool nulls[STATUS_COLUMNS];
} StatusRow;

static void
put(StatusRow *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

static void
put_text(StatusRow *row, int column, const char *value)
{
	if (value)
		put(row, column, CStringGetTextDatum(value));
}

static void
put_environment(StatusRow *row)
{
	const DbmEnvironment *facts = dbm_environment();

	put_text(row, STATUS_ENVIRONMENT, facts->name);
	put_text(row, STATUS_FOLLOWS, facts->follows);
	put_text(row, STATUS_GUARD, dbm_guard_mode_name(facts->guard));
	put_text(row, STATUS_GUARD_IN_FORCE, dbm_guard_mode_name(facts->guard_in_force));
	put_text(row, STATUS_TIER, dbm_tier());
	put_text(row, STATUS_IDENTITY,
			 facts->initialised ? dbm_identity_name(facts->identity) : "not initialised");
	put_text(row, STATUS_RUN_AS, facts->run_as_name);
	put_text(row, STATUS_LIBRARY_VERSION, DBM_VERSION);
	put_text(row, STATUS_EXTENSION_VERSION, dbm_extension_version());
}

/* The one that was last begun of those that did not come to an end. */
static void
put_unfinished(StatusRow *row, const char *change)
{
	DbmUnfinished unfinished;
	char *evidence;

	if (change == NULL || !dbm_unfinished_read(change, &unfinished))
		return;
	put_text(row, STATUS_UNFINISHED_CHANGE, change);
	put(row, STATUS_UNFINISHED_RUN, Int64GetDatum(unfinished.run));
	put_text(row, STATUS_UNFINISHED_STATE, unfinished.state);
	put_text(row, STATUS_UNFINISHED_AT, unfinished.where);
	evidence = dbm_unfinished_prove(&unfinished);
	put_text(row, STATUS_UNFINISHED_EVIDENCE, evidence ? evidence : unfinished.evidence);
}

/* Counts changes by state, and finds the one whose run is the newest. */
static void
put_changes(StatusRow *row)
{
	DbmRow *change = dbm_row_make(&dbm_change_table);
	DbmScan *scan = dbm_scan_begin(&dbm_change_table, NULL, 0, NULL);
	int64 applied = 0;
	int64 submitted = 0;
	int64 newest = 0;
	int64 partial = 0;
	int64 newest_partial = 0;
	char *unfinished = NULL;

	while (dbm_scan_next(scan, change))
	{
		char *state = dbm_row_text(change, DBM_CHANGE_STATE);

		submitted += strcmp(state, "submitted") == 0 ? 1 : 0;
		if (strcmp(state, "applied") == 0)
		{
			applied++;
			if (dbm_row_int64(change, DBM_CHANGE_APPLIED_RUN) > newest)
			{
				newest = dbm_row_int64(change, DBM_CHANGE_APPLIED_RUN);
				put_text(row, STATUS_LAST_CHANGE, dbm_row_text(change, DBM_CHANGE_CHANGE));
				put(row, STATUS_LAST_APPLIED_AT, change->values[DBM_CHANGE_RECORDED_AT]);
			}
		}
		if (strcmp(state, "partial") == 0)
		{
			partial++;
			if (dbm_row_int64(change, DBM_CHANGE_APPLIED_RUN) > newest_partial)
			{
				newest_partial = dbm_row_int64(change, DBM_CHANGE_APPLIED_RUN);
				unfinished = dbm_row_text(change, DBM_CHANGE_CHANGE);
			}
		}
		pfree(state);
	}
	dbm_scan_end(scan);
	put(row, STATUS_PARTIAL, Int64GetDatum(partial));
	put_unfinished(row, unfinished);
	put(row, STATUS_APPLIED, Int64GetDatum(applied));
	put(row, STATUS_SUBMITTED, Int64GetDatum(submitted));
}

/* Counts changes whose last run failed: those, of all that ever failed, that none made good. */
static int64
count_failed(void)
{
	HTAB *failed = dbm_manifest_hash("dbmaestro failed changes", sizeof(char *));
	DbmRow *run = dbm_row_make(&dbm_run_table);
	DbmScan *scan = dbm_scan_begin(&dbm_run_table, dbm_run_table.primary_key, 0, NULL);
	int64 count;

	while (dbm_scan_next(scan, run))
	{
		bool fails = strcmp(dbm_row_text(run, DBM_RUN_OUTCOME), "failed") == 0;
		char *change;

		CHECK_FOR_INTERRUPTS();
		/* mostly nothing has failed, and no name needs to be looked at */
		if (!fails && hash_get_num_entries(failed) == 0)
			continue;
		change = dbm_row_text(run, DBM_RUN_CHANGE);
		hash_search(failed, &change, fails ? HASH_ENTER : HASH_REMOVE, NULL);
	}
	dbm_scan_end(scan);
	count = hash_get_num_entries(failed);
	hash_destroy(failed);
	return count;
}

static void
put_deployments(StatusRow *row)
{
	DbmRow *deployment = dbm_row_make(&dbm_deployment_table);
	DbmScan *scan = dbm_deployment_scan_open();
	int64 open = 0;
	int64 interrupted = 0;

	while (dbm_scan_next(scan, deployment))
	{
		CHECK_FOR_INTERRUPTS();
		open++;
		interrupted += dbm_deployment_is_interrupted(deployment) ? 1 : 0;
	}
	dbm_scan_end(scan);
	put(row, STATUS_OPEN_DEPLOYMENTS, Int64GetDatum(open));
	put(row, STATUS_INTERRUPTED_DEPLOYMENTS, Int64GetDatum(interrupted));
}

static JsonbValue *
find_claim(const DbmRow *deployment, const char *key)
{
	Jsonb *claims = DatumGetJsonbP(deployment->values[DBM_DEPLOYMENT_CLAIMS]);

	return getKeyJsonValueFromContainer(&claims->root, key, strlen(key), NULL);
}

static char *
read_claim(const DbmRow *deployment, const char *key)
{
	JsonbValue *value = find_claim(deployment, key);

	if (value == NULL || value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static const char *
state_of(const DbmRow *deployment)
{
	if (!deployment->nulls[DBM_DEPLOYMENT_OUTCOME])
		return dbm_row_text(deployment, DBM_DEPLOYMENT_OUTCOME);
	return dbm_deployment_is_interrupted(deployment) ? "interrupted" : "running";
}

/* The last change of its manifest, NULL if that names none. */
static char *
find_last_change(int64 deployment)
{
	DbmRow *change = dbm_row_make(&dbm_deployment_change_table);
	int32 greatest = 0;
	char *name = NULL;
	ScanKeyData key;
	DbmScan *scan;

	ScanKeyInit(&key, DBM_DEPLOYMENT_CHANGE_DEPLOYMENT + 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(deployment));
	scan = dbm_scan_begin(&dbm_deployment_change_table, dbm_deployment_change_table.primary_key, 1,
						  &key);
	while (dbm_scan_next(scan, change))
	{
		int32 ordinal = DatumGetInt32(change->values[DBM_DEPLOYMENT_CHANGE_ORDINAL]);

		CHECK_FOR_INTERRUPTS();
		if (ordinal <= greatest)
			continue;
		greatest = ordinal;
		if (name)
			pfree(name);
		name = dbm_row_text(change, DBM_DEPLOYMENT_CHANGE_CHANGE);
	}
	dbm_scan_end(scan);
	return name;
}

/*
 * Where it came from, where it was to end (with a fingerprint, where the
 * repository does), and whether in one transaction.
 */
static void
put_aim(StatusRow *row, const DbmRow *deployment)
{
	JsonbValue *single = find_claim(deployment, "single_transaction");

	if (!deployment->nulls[DBM_DEPLOYMENT_FOLLOWED])
		put_text(
			row, STATUS_DEPLOYMENT_FOLLOWED,
			dbm_manifest_environment(DatumGetJsonbP(deployment->values[DBM_DEPLOYMENT_FOLLOWED])));
	if (deployment->nulls[DBM_DEPLOYMENT_FINGERPRINT])
		put_text(row, STATUS_DEPLOYMENT_LAST_CHANGE,
				 find_last_change(dbm_row_int64(deployment, DBM_DEPLOYMENT_ID)));
	put(row, STATUS_DEPLOYMENT_SINGLE_TRANSACTION,
		BoolGetDatum(single && single->type == jbvBool && single->val.boolean));
}

/* The newest that somebody started; who has to go on where it ended may not read its table. */
static void
put_last_deployment(StatusRow *row)
{
	DbmRow *deployment = dbm_row_make(&dbm_deployment_table);
	DbmScan *scan = dbm_scan_begin(&dbm_deployment_table, dbm_deployment_table.primary_key, 0,
								   NULL);
	bool found = false;

	while (!found && dbm_scan_previous(scan, deployment))
	{
		CHECK_FOR_INTERRUPTS();
		found = !DatumGetBool(deployment->values[DBM_DEPLOYMENT_SINGLE]);
	}
	if (found)
	{
		put(row, STATUS_DEPLOYMENT, deployment->values[DBM_DEPLOYMENT_ID]);
		put_text(row, STATUS_DEPLOYMENT_STATE, state_of(deployment));
		put(row, STATUS_DEPLOYMENT_STARTED_AT, deployment->values[DBM_DEPLOYMENT_STARTED_AT]);
		put_text(row, STATUS_DEPLOYMENT_STARTED_BY,
				 dbm_row_text(deployment, DBM_DEPLOYMENT_STARTED_BY));
		put_text(row, STATUS_DEPLOYMENT_COMMIT, read_claim(deployment, "commit"));
		put_text(row, STATUS_DEPLOYMENT_REF, read_claim(deployment, "ref"));
		put_aim(row, deployment);
	}
	dbm_scan_end(scan);
}

/*
 * What the process that holds the lock, or else the worker that runs a step for
 * it, waits for, and how many wait for them.
 */
static void
put_lock_queue(StatusRow *row, int pid)
{
	int worker = dbm_transaction_worker();
	DbmLockWait *wait = dbm_lock_wait_of(pid);
	Jsonb *blockers;
	int behind = dbm_lock_wait_behind(pid);

	if (worker != 0)
	{
		if (wait == NULL)
			wait = dbm_lock_wait_of(worker);
		behind += dbm_lock_wait_behind(worker);
	}
	blockers = wait ? dbm_blockers_look_at(wait) : NULL;
	if (blockers)
		put(row, STATUS_LOCK_BLOCKERS, JsonbPGetDatum(blockers));
	put(row, STATUS_LOCK_QUEUE, Int32GetDatum(behind));
}

static void
put_duration(StatusRow *row, int column, DbmSetting setting)
{
	Interval *interval = palloc0(sizeof(Interval));

	interval->time = (int64) dbm_setting_milliseconds(setting) * 1000;
	put(row, column, IntervalPGetDatum(interval));
}

/* What whoever deploys goes by when a lock cannot be had. */
static void
put_patience(StatusRow *row)
{
	put_duration(row, STATUS_LOCK_TIMEOUT, DBM_SETTING_LOCK_TIMEOUT);
	put(row, STATUS_LOCK_RETRIES, Int32GetDatum(dbm_setting_count(DBM_SETTING_LOCK_RETRIES)));
	put_duration(row, STATUS_LOCK_RETRY_DELAY, DBM_SETTING_LOCK_RETRY_DELAY);
	put_duration(row, STATUS_LOCK_RETRY_DEADLINE, DBM_SETTING_LOCK_RETRY_DEADLINE);
}

/* What pg_stat_activity shows of a session; a deployer who has to wait is told it all. */
static bool
may_see(Oid role)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		   has_privs_of_role(GetUserId(), role) ||
		   dbm_capability_has(GetUserId(), DBM_CAPABILITY_DEPLOY);
}

/* Who holds the lock that lets one change run at a time. */
static void
put_lock(StatusRow *row)
{
	int pid = dbm_transaction_deployer();
	int count;

	if (pid == 0)
		return;
	put(row, STATUS_LOCK_PID, Int32GetDatum(pid));
	put_lock_queue(row, pid);
	pgstat_clear_backend_activity_snapshot();
	count = pgstat_fetch_stat_numbackends();
	for (int at = 1; at <= count; at++)
	{
		LocalPgBackendStatus *local = dbm_backend_status(at);
		PgBackendStatus *status;

		if (local == NULL || local->backendStatus.st_procpid != pid)
			continue;
		status = &local->backendStatus;
		put_text(row, STATUS_LOCK_ROLE, GetUserNameFromId(status->st_userid, true));
		if (!may_see(status->st_userid))
			continue;
		put_text(row, STATUS_LOCK_APPLICATION, status->st_appname);
		put(row, STATUS_LOCK_SINCE, TimestampTzGetDatum(status->st_xact_start_timestamp));
	}
}

static Datum
status_body(PG_FUNCTION_ARGS)
{
	StatusRow row;

	dbm_capability_require_any("dbm_status");
	memset(row.nulls, true, sizeof(row.nulls));
	memset(row.values, 0, sizeof(row.values));
	put_environment(&row);
	put_changes(&row);
	put(&row, STATUS_FAILED, Int64GetDatum(count_failed()));
	put_deployments(&row);
	put_lock(&row);
	put_patience(&row);
	put_last_deployment(&row);
	put(&row, STATUS_RECORDS_WAITING, Int32GetDatum(dbm_durable_waiting()));
	put(&row, STATUS_RECORDS_LOST, Int64GetDatum(dbm_durable_lost()));
	return dbm_result_row(fcinfo, row.values, row.nulls);
}

Datum
dbm_status(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_status", status_body);
}
