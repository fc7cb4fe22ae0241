/*
 * ledger/copy_data.h: COPY ... FROM STDIN with the data lines of a script
 */
#ifndef DBM_LEDGER_COPY_DATA_H
#define DBM_LEDGER_COPY_DATA_H

#include "nodes/parsenodes.h"

/*
 * Loads the bytes into the table that the statement names, with the checks
 * COPY makes (privileges, row security); returns the number of rows.
 */
extern uint64 dbm_copy_data(CopyStmt *statement, const char *source, const char *data,
							Size length);

#endif							/* DBM_LEDGER_COPY_DATA_H */
