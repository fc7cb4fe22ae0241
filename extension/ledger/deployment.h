/*
 * ledger/deployment.h: deployments, which say what belongs together
 */
#ifndef DBM_LEDGER_DEPLOYMENT_H
#define DBM_LEDGER_DEPLOYMENT_H

#include "core/table.h"

/* Raises ERRCODE_DBM_DEPLOYMENT_STATE unless the deployment is open. */
extern void dbm_deployment_require_open(int64 deployment);

/* Builds the row of a deployment of this change alone; not inserted, still open. */
extern DbmRow *dbm_deployment_single(const char *change);

/* Closes a row that is not inserted yet. */
extern void dbm_deployment_close(DbmRow *row, const char *outcome);

#endif							/* DBM_LEDGER_DEPLOYMENT_H */
