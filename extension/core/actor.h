/*
 * core/actor.h: who is asking
 *
 * The authenticated role is who connected; SET ROLE and SET SESSION
 * AUTHORIZATION do not change it.  An act needs its capability both as the
 * authenticated role and as the current one.
 */
#ifndef DBM_CORE_ACTOR_H
#define DBM_CORE_ACTOR_H

#include "datatype/timestamp.h"

typedef struct DbmActor
{
	Oid			authenticated;
	Oid			session;
	Oid			current;
	const char *authenticated_name;
	const char *session_name;
	const char *current_name;
	const char *system_user;	/* 16 and later, else NULL */
	const char *client_address; /* text, "local" for a socket */
	const char *application_name;
	int			pid;
	TimestampTz backend_start;
} DbmActor;

/* Fills the struct; strings are palloc'd in the current context. */
extern void dbm_actor_get(DbmActor *actor);

#endif							/* DBM_CORE_ACTOR_H */
