/*
 * schema/current.h: the live schema of this backend, kept between calls
 */
#ifndef DBM_SCHEMA_CURRENT_H
#define DBM_SCHEMA_CURRENT_H

#include "schema/changes.h"
#include "schema/live.h"

/*
 * The schema as of now, this transaction's own changes included; valid until
 * the next call.
 */
extern DbmLive *dbm_current_schema(void);

/* The moment that the schema last returned is of. */
extern void dbm_current_horizon(DbmHorizon *horizon);

/*
 * Calls a function that reads the schema and returns what it does.  An error
 * that another session's change of the schema may explain returns false, to
 * be tried again, unless this is the last attempt.
 */
extern bool dbm_attempt(bool (*function)(void *arg), void *arg, bool last);

#endif							/* DBM_SCHEMA_CURRENT_H */
