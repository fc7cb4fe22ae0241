/*
 * ledger/temporary.h: temporary objects of a script end with its run
 */
#ifndef DBM_LEDGER_TEMPORARY_H
#define DBM_LEDGER_TEMPORARY_H

#include "nodes/pg_list.h"

/*
 * Drops the temporary objects that a run has made and that still exist, so that
 * the next script, or the next client of a pooled connection, finds none of
 * them.  touched is a list of DbmTouchedAt *.
 */
extern void dbm_temporary_drop(List *touched);

#endif							/* DBM_LEDGER_TEMPORARY_H */
