/*
 * guard/doctor.h: the guard's doors, as dbm_doctor shows them
 */
#ifndef DBM_GUARD_DOCTOR_H
#define DBM_GUARD_DOCTOR_H

/* Registers the checks of the doors; hook_installed is what guard/doors.c has done. */
extern void dbm_guard_doctor_init(bool hook_installed);

#endif							/* DBM_GUARD_DOCTOR_H */
