/*
 * ledger/temporary.h: temporary objects neither enter a run nor leave it
 */
#ifndef DBM_LEDGER_TEMPORARY_H
#define DBM_LEDGER_TEMPORARY_H

/*
 * Raises ERRCODE_DBM_TRANSACTION_STATE if the session has temporary objects: a
 * script would find a temporary table before the permanent one of that name,
 * and its triggers and checks would run as the role of the run.
 */
extern void dbm_temporary_require_none(const char *act);

/*
 * Drops the session's temporary objects, which are those of the run, so that
 * the next script, or the next client of a pooled connection, finds none.
 */
extern void dbm_temporary_drop(void);

#endif							/* DBM_LEDGER_TEMPORARY_H */
