/*
 * guard/authorisation.h: are we inside a run?
 *
 * The authorised state is a variable of this backend, never a setting, a lock
 * or a row.  It is entered by the ledger only, left in PG_FINALLY, and cut back
 * by transaction and subtransaction callbacks.
 */
#ifndef DBM_GUARD_AUTHORISATION_H
#define DBM_GUARD_AUTHORISATION_H

/* Enters a run of this change in the current subtransaction; raises if one is under way. */
extern void dbm_guard_enter(const char *change, int64 run);

/*
 * The same for one statement that commits as it goes, such as a concurrent
 * build: it survives commits and ends with an abort, or when left.  Only for
 * the process that runs that statement and nothing else.
 */
extern void dbm_guard_enter_step(const char *change, int64 run);

/* Leaves the run; harmless if there is none. */
extern void dbm_guard_leave(void);

/* Is schema change authorised at this moment in this backend? */
extern bool dbm_guard_inside_run(void);

/* Name of the change being run, or NULL. */
extern const char *dbm_guard_current_change(void);

/* Id of the run, 0 outside of one. */
extern int64 dbm_guard_current_run(void);

extern void dbm_guard_authorisation_init(void);

#endif							/* DBM_GUARD_AUTHORISATION_H */
