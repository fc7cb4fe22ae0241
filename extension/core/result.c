/*
 * core/result.c: rows out of C functions, and out of the server's
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "funcapi.h"

#include "core/result.h"

Tuplestorestate *
dbm_call_set(PGFunction function, Oid function_oid, TupleDesc *descriptor)
{
	LOCAL_FCINFO(fcinfo, 0);
	FmgrInfo flinfo;
	ReturnSetInfo result = {.type = T_ReturnSetInfo};
	ExprContext *context = CreateStandaloneExprContext();

	fmgr_info(function_oid, &flinfo);
	result.econtext = context;
	/* the result is to live where the caller is, not in a context of the executor's */
	context->ecxt_per_query_memory = CurrentMemoryContext;
	result.allowedModes = SFRM_Materialize;
	result.returnMode = SFRM_Materialize;
	InitFunctionCallInfoData(*fcinfo, &flinfo, 0, InvalidOid, NULL, (Node *) &result);
	(void) function(fcinfo);
	*descriptor = result.setDesc;
	FreeExprContext(context, true);
	return result.setResult;
}

Datum
dbm_result_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "function %u does not return a row", fcinfo->flinfo->fn_oid);
	descriptor = BlessTupleDesc(descriptor);
	return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}
