/*
 * core/result.h: returning rows from C, and reading those of the server's own
 * set-returning functions without SPI
 */
#ifndef DBM_CORE_RESULT_H
#define DBM_CORE_RESULT_H

#include "fmgr.h"
#include "utils/tuplestore.h"

/*
 * Calls a set-returning function of the server that takes no arguments and
 * materialises its result; returns the tuplestore and its descriptor, both in
 * the current memory context.
 */
extern Tuplestorestate *dbm_call_set(PGFunction function, Oid function_oid, TupleDesc *descriptor);

/* Builds the composite Datum that a function with OUT columns returns. */
extern Datum dbm_result_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls);

#endif							/* DBM_CORE_RESULT_H */
