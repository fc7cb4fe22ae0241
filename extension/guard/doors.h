/*
 * guard/doors.h: where the server tells us about commands
 */
#ifndef DBM_GUARD_DOORS_H
#define DBM_GUARD_DOORS_H

/*
 * Registers the callbacks of the authorised state and, if the library is being
 * loaded at the start of a session or of the server, the hook on utility
 * statements.  Loaded later (by the first event trigger), it works through the
 * event triggers alone: the tier does not change in the middle of a session.
 */
extern void dbm_guard_init(void);

#endif							/* DBM_GUARD_DOORS_H */
