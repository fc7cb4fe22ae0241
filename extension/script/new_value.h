/*
 * script/new_value.h: who uses a value that a script adds to an enum type
 *
 * The server refuses to use such a value before the transaction that added it
 * has committed (55P04), whatever the type is used for.
 */
#ifndef DBM_SCRIPT_NEW_VALUE_H
#define DBM_SCRIPT_NEW_VALUE_H

#include "script/note.h"

/*
 * Reads on through a script, statement by statement, from the first one that
 * adds a value.
 */
typedef struct DbmValueWatch
{
	const DbmScript *script;
	List *pending; /* of const DbmNote *: values that are not committed */
	List *hidden; /* those of them that stand in code that has not run yet */
} DbmValueWatch;

/* Returns the note of a value that this statement could use, or NULL. */
extern const DbmNote *dbm_value_used(DbmValueWatch *watch, const DbmStatement *statement);

#endif /* DBM_SCRIPT_NEW_VALUE_H */
