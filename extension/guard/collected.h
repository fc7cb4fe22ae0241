/*
 * guard/collected.h: what a statement of a run created, altered and dropped
 *
 * The event triggers see every command, also those run by functions, and every
 * object dropped by cascade; inside a run they note them here.
 */
#ifndef DBM_GUARD_COLLECTED_H
#define DBM_GUARD_COLLECTED_H

#include "nodes/pg_list.h"

typedef struct DbmTouched
{
	const char *kind;			/* object type as the server names it: table, function */
	const char *identity;		/* as the server prints it, schema qualified; NULL for GRANT */
	const char *action;			/* created, altered, dropped */
	const char *tag;			/* command tag */
	Oid			classid;
	Oid			objid;
	int32		objsubid;
	bool		temporary;
	bool		named;			/* dropped: named by the command, not taken along */
	bool		implied;		/* member of an extension, or gone with what it is part of */
} DbmTouched;

/* Starts collecting into the current memory context; forgets what was there. */
extern void dbm_collect_begin(void);

/* List of DbmTouched * noted since the last call (or begin); empties it. */
extern List *dbm_collect_take(void);

/* Stops collecting; harmless if not begun. */
extern void dbm_collect_end(void);

/*
 * For the doors: what the command that is ending has made, altered or dropped
 * (callable in the event trigger of that name only), and adding it to what is
 * being collected, if anything is.
 */
extern List *dbm_touched_by_command(void);
extern List *dbm_dropped_by_command(const char *tag);
extern void dbm_collect_note(List *touched);

#endif							/* DBM_GUARD_COLLECTED_H */
