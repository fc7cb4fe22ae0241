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

/*
 * Was so much described that saving it spares the next session more than it
 * costs?  Saves what dbm_current_schema has just returned, which the snapshot
 * with this number shows as well.
 */
extern bool dbm_current_worth_saving(void);
extern void dbm_current_save(int64 snapshot);

/* The moment that the schema last returned is of. */
extern void dbm_current_horizon(DbmHorizon *horizon);

/*
 * Calls a function that reads the schema and returns what it does.  An error
 * that another session's change of the schema may explain returns false, to
 * be tried again, unless this is the last attempt.
 */
extern bool dbm_attempt(bool (*function)(void *arg), void *arg, bool last);

#endif							/* DBM_SCHEMA_CURRENT_H */
