/*
 * audit/worker.h: the background worker that enters waiting records
 */
#ifndef DBM_AUDIT_WORKER_H
#define DBM_AUDIT_WORKER_H

#include "postmaster/bgworker.h"

/*
 * Asks for a worker for this database, which notifies us when it stops; NULL
 * if no slot is free.
 */
extern BackgroundWorkerHandle *dbm_audit_worker_start(void);

/* Is one at work here already? */
extern bool dbm_audit_worker_runs(void);

#endif							/* DBM_AUDIT_WORKER_H */
