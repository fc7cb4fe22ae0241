/*
 * ledger/reset.h: what a fresh database would not have
 */
#ifndef DBM_LEDGER_RESET_H
#define DBM_LEDGER_RESET_H

/*
 * Drops every object of this database that is neither the server's nor part of
 * dbmaestro, plpgsql or the schema of the functions, without event triggers,
 * and returns how many were named.  Raises 42501 unless the current user or
 * run_as (InvalidOid: none) may drop each of them, and 2BP01 when something
 * that stays depends on one.
 */
extern int64 dbm_reset_objects(Oid run_as);

#endif							/* DBM_LEDGER_RESET_H */
