/*
 * schema/current.h: the live schema of this backend, kept between calls
 */
#ifndef DBM_SCHEMA_CURRENT_H
#define DBM_SCHEMA_CURRENT_H

#include "schema/live.h"

/*
 * The schema as of now, this transaction's own changes included; valid until
 * the next call.
 */
extern DbmLive *dbm_current_schema(void);

#endif							/* DBM_SCHEMA_CURRENT_H */
