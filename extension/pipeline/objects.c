/*
 * pipeline/objects.c: dbm_objects, the live schema object by object
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "audit/refusal.h"
#include "core/compat.h"
#include "core/installed.h"
#include "pipeline/capability.h"
#include "schema/schema.h"

PG_FUNCTION_INFO_V1(dbm_objects);

static void
put_row(void *context, const DbmLiveObject *object)
{
	ReturnSetInfo *result = context;
	Datum values[5];
	bool nulls[5] = {false};

	values[0] = CStringGetTextDatum(object->kind);
	values[1] = CStringGetTextDatum(object->identity);
	values[2] = CStringGetTextDatum(dbm_hex(object->hash, DBM_DIGEST_LENGTH));
	values[3] = CStringGetTextDatum(dbm_hex(object->shape, DBM_DIGEST_LENGTH));
	values[4] = BoolGetDatum(object->extra);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static Datum
objects_body(PG_FUNCTION_ARGS)
{
	dbm_require_same_version();
	/* a hash confirms a guess, also of what the caller might not read: options of user mappings */
	dbm_capability_require_any("dbm_objects");
	dbm_init_set_result(fcinfo);
	dbm_schema_each(put_row, fcinfo->resultinfo);
	return (Datum) 0;
}

Datum
dbm_objects(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_objects", objects_body);
}
