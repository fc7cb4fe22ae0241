/*
 * core/own_statement.h: is this call the client's own statement?
 *
 * Acts of a person (apply, approve, switch the guard) must be what the client
 * itself sent, not something that a function, trigger, view or operator which
 * the person tripped over calls in their name.
 */
#ifndef DBM_CORE_OWN_STATEMENT_H
#define DBM_CORE_OWN_STATEMENT_H

#include "fmgr.h"

/*
 * Raises ERRCODE_DBM_NOT_OWN_STATEMENT unless the call described by fcinfo is
 * the whole of a statement that the client sent: SELECT f(...), SELECT ... FROM
 * f(...) or EXECUTE of such a prepared statement, with constants, casts of
 * constants or parameters as arguments.  Of a statement prepared by SQL, which
 * anybody's code could have done, every argument must come with the EXECUTE.
 * A procedure must be called by CALL p(...).  name is the function's name.  To
 * be called first, before the caller switches roles or pushes an
 * error context of its own.
 */
extern void dbm_require_own_statement(FunctionCallInfo fcinfo, const char *name);

/* The same as a question. */
extern bool dbm_is_own_statement(FunctionCallInfo fcinfo);

#endif							/* DBM_CORE_OWN_STATEMENT_H */
