/*
 * audit/probe.c: functions through which tests reach what no public function
 * shows; only the owner of the extension may call them
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "audit/durable.h"
#include "audit/event.h"
#include "audit/refusal.h"
#include "core/own_statement.h"
#include "core/result.h"

PG_FUNCTION_INFO_V1(dbm_own_statement);
PG_FUNCTION_INFO_V1(dbm_record_event);
PG_FUNCTION_INFO_V1(dbm_durable_files);

static Datum
own_statement(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(0))
		dbm_refusal_subject(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	dbm_require_own_statement(fcinfo, "_dbm_own_statement");
	PG_RETURN_TEXT_P(cstring_to_text("yes"));
}

Datum
dbm_own_statement(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "_dbm_own_statement", own_statement);
}

Datum
dbm_record_event(PG_FUNCTION_ARGS)
{
	DbmEvent event = {0};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("kind and durable must not be null")));
	event.kind = text_to_cstring(PG_GETARG_TEXT_PP(0));
	event.action = "_dbm_record_event";
	event.statement = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (PG_GETARG_BOOL(1))
		dbm_event_record_durably(&event);
	else
		dbm_event_record(&event);
	PG_RETURN_VOID();
}

Datum
dbm_durable_files(PG_FUNCTION_ARGS)
{
	Datum values[3];
	bool nulls[3] = {false, false, false};

	values[0] = Int32GetDatum(dbm_durable_waiting());
	values[1] = Int32GetDatum(dbm_durable_broken());
	values[2] = Int64GetDatum(dbm_durable_lost());
	return dbm_result_row(fcinfo, values, nulls);
}
