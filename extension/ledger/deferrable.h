/*
 * ledger/deferrable.h: which tables have triggers or constraints that can be deferred?
 */
#ifndef DBM_LEDGER_DEFERRABLE_H
#define DBM_LEDGER_DEFERRABLE_H

#include "nodes/pg_list.h"

/*
 * The tables, as a list of oids that stands until the next command.  Costs a
 * look into pg_trigger for each table that has changed since the last call.
 */
extern List *dbm_deferrable_tables(void);

extern void dbm_deferrable_init(void);

#endif							/* DBM_LEDGER_DEFERRABLE_H */
