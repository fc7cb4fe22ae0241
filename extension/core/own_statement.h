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
 * the whole of the statement that the client sent: SELECT f(...), SELECT ...
 * FROM f(...), CALL f(...) or EXECUTE of such a prepared statement, with
 * constants or parameters as arguments.  name is the function's name.
 */
extern void dbm_require_own_statement(FunctionCallInfo fcinfo, const char *name);

#endif							/* DBM_CORE_OWN_STATEMENT_H */
