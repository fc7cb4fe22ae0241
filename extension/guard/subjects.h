/*
 * guard/subjects.h: the objects that a statement names
 */
#ifndef DBM_GUARD_SUBJECTS_H
#define DBM_GUARD_SUBJECTS_H

#include "guard/classify.h"

/* Appends to command->targets what command->tree names, what it is about first. */
extern void dbm_read_subjects(DbmCommand *command);

/* The part of it that a table of fields can say. */
extern void dbm_read_subject_field(DbmCommand *command);

/* Note one object, in the forms in which parse trees hold names; nothing where there is none. */
extern void dbm_note_relation(DbmCommand *command, DbmTargetRole role, ObjectType type,
							  const RangeVar *relation);
extern void dbm_note_object(DbmCommand *command, DbmTargetRole role, ObjectType type, Node *object);
extern void dbm_note_name(DbmCommand *command, DbmTargetRole role, ObjectType type, char *name);
extern void dbm_note_names(DbmCommand *command, DbmTargetRole role, ObjectType type, List *names);
extern void dbm_note_role(DbmCommand *command, DbmTargetRole role, const RoleSpec *name);

#endif							/* DBM_GUARD_SUBJECTS_H */
