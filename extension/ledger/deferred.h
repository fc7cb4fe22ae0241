/*
 * ledger/deferred.h: deferred triggers and constraints around a run
 *
 * Those queued before a run fire before it, as whoever queued them; those of
 * the run fire inside it, so that the run fails if they do.
 */
#ifndef DBM_LEDGER_DEFERRED_H
#define DBM_LEDGER_DEFERRED_H

/* Fires what is queued, outside of any run. */
extern void dbm_deferred_fire_before(void);

/* Lets constraints be deferred as on a fresh transaction; at the start of a run. */
extern void dbm_deferred_begin(void);

/* Fires what the run has queued; change names it in the context of an error. */
extern void dbm_deferred_fire(const char *change);

#endif							/* DBM_LEDGER_DEFERRED_H */
