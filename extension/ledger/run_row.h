/*
 * ledger/run_row.h: the row of a run, between the files that write it
 */
#ifndef DBM_LEDGER_RUN_ROW_H
#define DBM_LEDGER_RUN_ROW_H

#include "audit/event.h"
#include "ledger/run.h"

/* The row of a run as far as it has come; what failed it; an event about it, without detail. */
extern DbmRow *dbm_run_row(const DbmRun *run, const char *outcome);
extern void dbm_run_set_error(DbmRow *row, const struct ErrorData *edata);
extern void dbm_run_set_blockers(DbmRow *row, const DbmRun *run);
extern void dbm_run_fill_event(DbmEvent *event, const DbmRun *run);

extern bool dbm_run_takes_snapshots(const DbmRun *run);

#endif							/* DBM_LEDGER_RUN_ROW_H */
