/*
 * pipeline/capability.h: who may do what in this database
 *
 * A capability is granted to a role of any kind; members have it.  Rows hold
 * the role's oid and name and count only while both agree, so a recreated role
 * inherits nothing.  Superusers have every capability.
 */
#ifndef DBM_PIPELINE_CAPABILITY_H
#define DBM_PIPELINE_CAPABILITY_H

#include "core/table.h"

typedef enum DbmCapability
{
	DBM_CAPABILITY_ADMIN,
	DBM_CAPABILITY_CONFIGURE,
	DBM_CAPABILITY_DEPLOY,
	DBM_CAPABILITY_APPROVE,
	DBM_CAPABILITY_ROLLBACK,
	DBM_CAPABILITY_OVERRIDE_WINDOW,
	DBM_CAPABILITY_BREAK_GLASS,
	DBM_CAPABILITY_CHECKOUT,
	DBM_CAPABILITY_AUDIT,
	DBM_CAPABILITY_BACKUP,
	DBM_CAPABILITY_COUNT
} DbmCapability;

extern const DbmTable dbm_capability_table;

extern const char *dbm_capability_name(DbmCapability capability);

/* Does the role have the capability, itself or as a member? */
extern bool dbm_capability_has(Oid role, DbmCapability capability);

/* Name of a role that it was granted to and that still counts, palloc'd; NULL if there is none. */
extern char *dbm_capability_holder(DbmCapability capability);

/*
 * Raises ERRCODE_DBM_CAPABILITY unless both the authenticated and the current
 * role have the capability; act names what was asked for, e.g. dbm_apply.
 */
extern void dbm_capability_require(DbmCapability capability, const char *act);

/*
 * The same where one of several capabilities will do, for each of the two roles
 * one of its own.  The hint asks for the last of them.
 */
extern void dbm_capability_require_one(const DbmCapability *among, int count, const char *act);

/* The same for acts that any holder of some capability may do (reading). */
extern void dbm_capability_require_any(const char *act);

#endif							/* DBM_PIPELINE_CAPABILITY_H */
