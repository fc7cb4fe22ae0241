/*
 * ledger/applied.c: dbm_manifest, what is applied in this environment
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/jsonb.h"

#include "audit/refusal.h"
#include "core/digest.h"
#include "core/installed.h"
#include "ledger/change.h"
#include "ledger/manifest.h"
#include "ledger/tables.h"
#include "pipeline/capability.h"

PG_FUNCTION_INFO_V1(dbm_manifest);

/* One applied change, and the run that orders it. */
typedef struct AppliedChange
{
	int64 run;
	char *change;
	char *hash;
	char *tokens;
	Datum applied_at;
} AppliedChange;

static int
compare_runs(const void *left, const void *right)
{
	int64 left_run = ((const AppliedChange *) left)->run;
	int64 right_run = ((const AppliedChange *) right)->run;

	return left_run < right_run ? -1 : left_run > right_run ? 1 : 0;
}

static char *
read_hex(const DbmRow *row, int column)
{
	uint8 digest[DBM_DIGEST_LENGTH];

	return dbm_row_digest(row, column, digest) ? dbm_hex(digest, DBM_DIGEST_LENGTH) : pstrdup("");
}

/* All that is applied, in the order in which it was. */
static AppliedChange *
read_applied(int *count)
{
	int room = 256;
	AppliedChange *applied = palloc(room * sizeof(AppliedChange));
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmScan *scan = dbm_scan_begin(&dbm_change_table, NULL, 0, NULL);

	*count = 0;
	while (dbm_scan_next(scan, row))
	{
		AppliedChange *change;

		if (!dbm_change_is(row, "applied"))
			continue;
		if (*count == room)
		{
			room *= 2;
			applied = repalloc_huge(applied, room * sizeof(AppliedChange));
		}
		change = &applied[(*count)++];
		change->run = dbm_row_int64(row, DBM_CHANGE_APPLIED_RUN);
		change->change = dbm_row_text(row, DBM_CHANGE_CHANGE);
		change->hash = read_hex(row, DBM_CHANGE_SCRIPT);
		change->tokens = read_hex(row, DBM_CHANGE_TOKENS);
		change->applied_at = row->values[DBM_CHANGE_RECORDED_AT];
	}
	dbm_scan_end(scan);
	qsort(applied, *count, sizeof(AppliedChange), compare_runs);
	return applied;
}

static void
push_change(JsonbParseState **state, const AppliedChange *change)
{
	static const int utc = 0;
	char applied_at[MAXDATELEN + 1];

	/* the same in every session, whatever its time zone */
	JsonEncodeDateTime(applied_at, change->applied_at, TIMESTAMPTZOID, &utc);
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	dbm_manifest_push(state, "change", change->change);
	dbm_manifest_push(state, "hash", change->hash);
	dbm_manifest_push(state, "tokens", change->tokens);
	dbm_manifest_push(state, "applied_at", pstrdup(applied_at));
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static Datum
manifest_body(PG_FUNCTION_ARGS)
{
	/* what a role may take back, it may see */
	static const DbmCapability readers[] = {DBM_CAPABILITY_DEPLOY, DBM_CAPABILITY_ROLLBACK,
											DBM_CAPABILITY_AUDIT};
	const DbmEnvironment *facts;
	JsonbParseState *state = NULL;
	AppliedChange *applied;
	int count;

	dbm_require_initialised();
	dbm_capability_require_one(readers, lengthof(readers), "dbm_manifest");
	applied = read_applied(&count);
	facts = dbm_environment();
	dbm_manifest_push_head(&state, facts->name, dbm_identity_name(facts->identity));
	for (int at = 0; at < count; at++)
	{
		CHECK_FOR_INTERRUPTS();
		push_change(&state, &applied[at]);
	}
	PG_RETURN_JSONB_P(dbm_manifest_push_end(&state));
}

Datum
dbm_manifest(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_manifest", manifest_body);
}
