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
} DbmTouched;

/* Starts collecting into the current memory context; forgets what was there. */
extern void dbm_collect_begin(void);

/* List of DbmTouched * noted since the last call (or begin); empties it. */
extern List *dbm_collect_take(void);

/* Stops collecting; harmless if not begun. */
extern void dbm_collect_end(void);

#endif							/* DBM_GUARD_COLLECTED_H */
