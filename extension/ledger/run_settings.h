/*
 * ledger/run_settings.h: the settings that a script runs with
 */
#ifndef DBM_LEDGER_RUN_SETTINGS_H
#define DBM_LEDGER_RUN_SETTINGS_H

/*
 * Gives the settings on which the meaning of a script depends the values that
 * they would have in a new session of this role in this database, whose client
 * asks for nothing.  To be called in a nest level of settings, which puts them
 * back.
 */
extern void dbm_run_settings_set(Oid role);

#endif							/* DBM_LEDGER_RUN_SETTINGS_H */
