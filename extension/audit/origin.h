/*
 * audit/origin.h: who acts in which environment, read while it can be read
 *
 * After an error the catalogs are out of bounds until the transaction is
 * aborted, but that is when a refusal is recorded.  So the names are read
 * beforehand and kept for that moment.
 */
#ifndef DBM_AUDIT_ORIGIN_H
#define DBM_AUDIT_ORIGIN_H

#include "core/actor.h"

typedef struct DbmOrigin
{
	DbmActor	actor;
	const char *environment;	/* NULL before dbm_init */
	bool		after_error;	/* catalogs are out of bounds */
} DbmOrigin;

/* Reads the actor from the catalogs, into the current memory context; no environment. */
extern void dbm_origin_read_actor(DbmOrigin *origin);

/* Reads the environment; may raise where our tables are not as made. */
extern void dbm_origin_read_environment(DbmOrigin *origin);

/*
 * Keeps an origin (not a copy) for dbm_origin_get; NULL for none.  Returns the
 * one kept before, to be put back.
 */
extern const DbmOrigin *dbm_origin_keep(const DbmOrigin *origin);

/* Is an origin kept: are we inside a call that has read what it needs? */
extern bool dbm_origin_is_kept(void);

/* The origin of an event now: the one kept, with the roles as they are now, or a fresh one. */
extern void dbm_origin_get(DbmOrigin *origin);

#endif							/* DBM_AUDIT_ORIGIN_H */
