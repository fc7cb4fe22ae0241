/*
 * guard/subjects.h: the objects that a statement names
 */
#ifndef DBM_GUARD_SUBJECTS_H
#define DBM_GUARD_SUBJECTS_H

#include "guard/classify.h"

/* Appends to command->targets what command->tree names, what it is about first. */
extern void dbm_read_subjects(DbmCommand *command);

#endif							/* DBM_GUARD_SUBJECTS_H */
