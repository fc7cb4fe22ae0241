/*
 * guard/self_protection.h: would a command harm dbmaestro itself?
 *
 * Asked in every mode, inside a run too.
 */
#ifndef DBM_GUARD_SELF_PROTECTION_H
#define DBM_GUARD_SELF_PROTECTION_H

#include "guard/classify.h"

typedef enum DbmHarm
{
	DBM_HARM_NONE = 0,
	DBM_HARM_EXTENSION,			/* drops or alters the extension */
	DBM_HARM_MEMBER,			/* drops, alters or hangs something on an object of ours */
	DBM_HARM_FOUNDATION,		/* drops or moves what dbmaestro stands on */
	DBM_HARM_OWNER,				/* drops what a role owns, and that is ours */
	DBM_HARM_INTRUDER,			/* puts an object into the schema of our tables */
	DBM_HARM_NAME,				/* puts a name of ours beside our functions */
	DBM_HARM_MEMBERSHIP,		/* takes our objects for another extension */
	DBM_HARM_PUBLICATION,		/* publishes our tables */
	DBM_HARM_LOCK				/* keeps our functions from our tables */
} DbmHarm;

/*
 * Finds out what harm the command would do.  *victim gets the identity of what
 * would be harmed.
 */
extern DbmHarm dbm_harm_of(const DbmCommand *command, const char **victim);

#endif							/* DBM_GUARD_SELF_PROTECTION_H */
