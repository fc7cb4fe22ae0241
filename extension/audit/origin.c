/*
 * audit/origin.c: who acts in which environment
 */
#include "postgres.h"

#include "miscadmin.h"

#include "audit/origin.h"
#include "core/installed.h"

static const DbmOrigin *kept = NULL;

void
dbm_origin_read_actor(DbmOrigin *origin)
{
	dbm_actor_get(&origin->actor);
	origin->environment = NULL;
	origin->after_error = false;
}

void
dbm_origin_read_environment(DbmOrigin *origin)
{
	const char *name = dbm_environment()->name;

	origin->environment = name ? pstrdup(name) : NULL;
}

const DbmOrigin *
dbm_origin_keep(const DbmOrigin *origin)
{
	const DbmOrigin *before = kept;

	kept = origin;
	return before;
}

bool
dbm_origin_is_kept(void)
{
	return kept != NULL;
}

void
dbm_origin_get(DbmOrigin *origin)
{
	if (kept == NULL)
	{
		dbm_origin_read_actor(origin);
		dbm_origin_read_environment(origin);
		return;
	}
	*origin = *kept;
	if (kept->after_error)
		return;
	/* a script runs as another role; back in the caller's no catalog is read */
	if (origin->actor.session != GetSessionUserId())
	{
		origin->actor.session = GetSessionUserId();
		origin->actor.session_name = GetUserNameFromId(origin->actor.session, true);
	}
	if (origin->actor.current != GetUserId())
	{
		origin->actor.current = GetUserId();
		origin->actor.current_name = GetUserNameFromId(origin->actor.current, true);
	}
	if (origin->environment == NULL && dbm_environment()->name)
		origin->environment = dbm_environment()->name;
}
