/*
 * audit/durable.h: records that must outlive the transaction that causes them
 *
 * Refusals and failed runs are written although their transaction rolls back.
 * The rows go into an fsynced file under the data directory first, then a
 * background worker moves them into the tables in a transaction of its own and
 * removes the file; a file that is found twice is entered once (event_id is
 * unique).  The caller waits for the worker for at most the setting
 * denied_wait, holding no LWLock.
 */
#ifndef DBM_AUDIT_DURABLE_H
#define DBM_AUDIT_DURABLE_H

#include "core/table.h"

/*
 * Reads what a later write needs from the catalogs, so that it can take place
 * after an error, and sweeps now and then.  dbm_audit_call does it.
 */
extern void dbm_durable_prepare(void);

/*
 * Makes the rows durable: file first, then asks a worker and waits for it up
 * to denied_wait.  Never raises for what is its own failure (a full disk): then
 * the server log gets the record and the counter of lost records goes up.
 * The first row must be an audit_event; its event_id names the file.  An id
 * that is not set is taken from the table's sequence when the row is entered.
 * Returns true if the rows are in the tables, false if they still are in the
 * file (or lost).  On a standby, and in a copy that nobody has attached, the
 * server log is all that gets them.  A query cancel that arrives meanwhile ends the waiting only.
 */
extern bool dbm_durable_write(DbmRow *const *rows, int nrows);

/* Lets records hold rows of this table too; called while the library is loaded. */
extern void dbm_durable_register_table(const DbmTable *table);

/* The tables that records may hold rows of, ended by NULL. */
extern const DbmTable *const *dbm_durable_tables(void);

/*
 * Files of this database that wait to be moved, files that can't be read, and
 * records lost since the counter was made.
 */
extern int	dbm_durable_waiting(void);
extern int	dbm_durable_broken(void);
extern int64 dbm_durable_lost(void);

#endif							/* DBM_AUDIT_DURABLE_H */
