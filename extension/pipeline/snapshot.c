/*
 * pipeline/snapshot.c: dbm_snapshot, taken by people
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "audit/event.h"
#include "audit/refusal.h"
#include "core/installed.h"
#include "pipeline/capability.h"
#include "schema/schema.h"

PG_FUNCTION_INFO_V1(dbm_snapshot);

static Datum
snapshot_body(PG_FUNCTION_ARGS)
{
	char *label = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	uint8 root[DBM_DIGEST_LENGTH];
	DbmEvent event = {.kind = "snapshot", .action = "dbm_snapshot", .statement_length = -1};
	int64 id;

	dbm_require_same_version();
	dbm_capability_require(DBM_CAPABILITY_DEPLOY, "dbm_snapshot");
	id = dbm_snapshot_record(label, 0, root);
	/* without a label it may be one that was there, and nothing is written */
	if (label)
	{
		event.object_kind = "snapshot";
		event.object = psprintf(INT64_FORMAT, id);
		event.detail = psprintf("label \"%s\", root %s", label, dbm_hex(root, DBM_DIGEST_LENGTH));
		dbm_event_record(&event);
	}
	dbm_schema_save();
	PG_RETURN_INT64(id);
}

/*
 * dbm_snapshot(label) returns bigint: needs the capability deploy, as a
 * deployment takes snapshots too.
 */
Datum
dbm_snapshot(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_snapshot", snapshot_body);
}
