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

#endif							/* DBM_SCHEMA_CURRENT_H */
