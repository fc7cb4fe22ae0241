/*
 * pipeline/snapshot.c: dbm_snapshot, a snapshot of the schema taken by hand
 *
 * Schema knows how to record one, but not who may: whatever is recorded here is
 * what later drift and rollbacks are compared with.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "audit/refusal.h"
#include "core/digest.h"
#include "core/installed.h"
#include "pipeline/capability.h"
#include "schema/schema.h"

PG_FUNCTION_INFO_V1(dbm_snapshot);

static Datum
snapshot_body(PG_FUNCTION_ARGS)
{
	const char *label = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	uint8		root[DBM_DIGEST_LENGTH];

	dbm_require_same_version();
	dbm_capability_require(DBM_CAPABILITY_DEPLOY, "dbm_snapshot");
	PG_RETURN_INT64(dbm_snapshot_record(label, 0, root));
}

Datum
dbm_snapshot(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_snapshot", snapshot_body);
}
