/*
 * ledger/status.c: dbm_status, one row that says how things stand
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/durable.h"
#include "audit/refusal.h"
#include "core/installed.h"
#include "core/result.h"
#include "core/settings.h"
#include "ledger/tables.h"
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

/* Counts changes by state, and finds the one whose run is the newest. */
static void
put_changes(StatusRow *row)
{
	DbmRow *change = dbm_row_make(&dbm_change_table);
	DbmScan *scan = dbm_scan_begin(&dbm_change_table, NULL, 0, NULL);
	int64 applied = 0;
	int64 submitted = 0;
	int64 newest = 0;

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
		pfree(state);
	}
	dbm_scan_end(scan);
	put(row, STATUS_APPLIED, Int64GetDatum(applied));
	put(row, STATUS_SUBMITTED, Int64GetDatum(submitted));
}

static int64
count_open_deployments(void)
{
	DbmRow *row = dbm_row_make(&dbm_deployment_table);
	DbmScan *scan = dbm_scan_begin(&dbm_deployment_table, NULL, 0, NULL);
	int64 open = 0;

	while (dbm_scan_next(scan, row))
		open += row->nulls[DBM_DEPLOYMENT_OUTCOME] ? 1 : 0;
	dbm_scan_end(scan);
	return open;
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
	put(&row, STATUS_OPEN_DEPLOYMENTS, Int64GetDatum(count_open_deployments()));
	put(&row, STATUS_RECORDS_WAITING, Int32GetDatum(dbm_durable_waiting()));
	put(&row, STATUS_RECORDS_LOST, Int64GetDatum(dbm_durable_lost()));
	return dbm_result_row(fcinfo, row.values, row.nulls);
}

Datum
dbm_status(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_status", status_body);
}
