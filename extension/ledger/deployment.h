/*
 * ledger/deployment.h: deployments, which say what belongs together
 */
#ifndef DBM_LEDGER_DEPLOYMENT_H
#define DBM_LEDGER_DEPLOYMENT_H

#include "core/table.h"
#include "ledger/change.h"

/*
 * Raises unless the deployment is open (ERRCODE_DBM_DEPLOYMENT_STATE), its
 * manifest names this change with this content (ERRCODE_DBM_NOT_IN_DEPLOYMENT),
 * and, where it came with the manifest of the environment that is followed, so
 * does that (ERRCODE_DBM_NOT_PROMOTED).  Returns how the latter is known, or
 * NULL.  The change must have been read.
 */
extern const char *dbm_deployment_admit(int64 deployment, const DbmChange *change);

/* Is it open although its session is gone? */
/* Is there a backend of this number which began at that time? */
extern bool dbm_deployment_backend_is_alive(int pid, TimestampTz start);

extern bool dbm_deployment_is_interrupted(const DbmRow *row);

/* Scans those that are open, whoever started them. */
extern DbmScan *dbm_deployment_scan_open(void);

/* Builds the row of a deployment of this change, or NULL, alone; not inserted, still open. */
extern DbmRow *dbm_deployment_single(const char *change);

/* Closes a row that is not inserted yet. */
extern void dbm_deployment_close(DbmRow *row, const char *outcome);

#endif							/* DBM_LEDGER_DEPLOYMENT_H */
