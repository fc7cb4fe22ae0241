/*
 * pipeline/capability.c: the table capability and the one check
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "core/errors.h"
#include "pipeline/capability.h"
#include "pipeline/grant.h"

static const DbmColumn columns[DBM_CAPABILITY_COLUMNS] = {
	[DBM_CAPABILITY_NAME] = {"capability", TEXTOID},
	[DBM_CAPABILITY_ROLE_NAME] = {"role_name", TEXTOID},
	[DBM_CAPABILITY_ROLE] = {"role", OIDOID},
	[DBM_CAPABILITY_GRANTED_AT] = {"granted_at", TIMESTAMPTZOID},
	[DBM_CAPABILITY_GRANTED_BY] = {"granted_by", TEXTOID},
};

const DbmTable dbm_capability_table = {"capability", columns, DBM_CAPABILITY_COLUMNS,
									   "capability_pkey", NULL};

static const char *const names[DBM_CAPABILITY_COUNT] = {
	[DBM_CAPABILITY_ADMIN] = "admin",
	[DBM_CAPABILITY_CONFIGURE] = "configure",
	[DBM_CAPABILITY_DEPLOY] = "deploy",
	[DBM_CAPABILITY_APPROVE] = "approve",
	[DBM_CAPABILITY_ROLLBACK] = "rollback",
	[DBM_CAPABILITY_OVERRIDE_WINDOW] = "override_window",
	[DBM_CAPABILITY_BREAK_GLASS] = "break_glass",
	[DBM_CAPABILITY_CHECKOUT] = "checkout",
	[DBM_CAPABILITY_AUDIT] = "audit",
	[DBM_CAPABILITY_BACKUP] = "backup",
};

const char *
dbm_capability_name(DbmCapability capability)
{
	return names[capability];
}

/* Does a row speak of a role that still is who it was when the row was written? */
static bool
row_counts(const DbmRow *row)
{
	char *now = GetUserNameFromId(dbm_row_oid(row, DBM_CAPABILITY_ROLE), true);

	return now && strcmp(now, dbm_row_text(row, DBM_CAPABILITY_ROLE_NAME)) == 0;
}

/* capability DBM_CAPABILITY_COUNT stands for any of them. */
static bool
has_capability(Oid role, DbmCapability capability)
{
	DbmRow *row = dbm_row_make(&dbm_capability_table);
	DbmScan *scan;
	bool found = false;

	if (superuser_arg(role))
		return true;
	scan = dbm_scan_begin(&dbm_capability_table, NULL, 0, NULL);
	while (!found && dbm_scan_next(scan, row))
	{
		if (capability != DBM_CAPABILITY_COUNT &&
			strcmp(dbm_row_text(row, DBM_CAPABILITY_NAME), names[capability]) != 0)
			continue;
		found = row_counts(row) && is_member_of_role(role, dbm_row_oid(row, DBM_CAPABILITY_ROLE));
	}
	dbm_scan_end(scan);
	return found;
}

bool
dbm_capability_has(Oid role, DbmCapability capability)
{
	return has_capability(role, capability);
}

char *
dbm_capability_holder(DbmCapability capability)
{
	DbmRow *row = dbm_row_make(&dbm_capability_table);
	DbmScan *scan = dbm_scan_begin(&dbm_capability_table, dbm_capability_table.primary_key, 0,
								   NULL);
	char *holder = NULL;

	while (holder == NULL && dbm_scan_next(scan, row))
	{
		if (strcmp(dbm_row_text(row, DBM_CAPABILITY_NAME), names[capability]) == 0 &&
			row_counts(row))
			holder = dbm_row_text(row, DBM_CAPABILITY_ROLE_NAME);
	}
	dbm_scan_end(scan);
	return holder;
}

/* The role that lacks the capability, or InvalidOid if nobody involved does. */
static Oid
find_lacking_role(DbmCapability capability)
{
	if (!has_capability(GetAuthenticatedUserId(), capability))
		return GetAuthenticatedUserId();
	if (GetUserId() != GetAuthenticatedUserId() && !has_capability(GetUserId(), capability))
		return GetUserId();
	return InvalidOid;
}

void
dbm_capability_require(DbmCapability capability, const char *act)
{
	Oid lacking = find_lacking_role(capability);

	if (OidIsValid(lacking))
		ereport(
			ERROR,
			(errcode(ERRCODE_DBM_CAPABILITY), errmsg("permission denied for %s", act),
			 errdetail("Role \"%s\" does not have the capability \"%s\" in this database.",
					   GetUserNameFromId(lacking, false), names[capability]),
			 errhint("Ask an administrator of dbmaestro for: SELECT dbm_grant('%s', %s);",
					 names[capability], quote_literal_cstr(GetUserNameFromId(lacking, false)))));
}

static bool
has_one(Oid role, const DbmCapability *among, int count)
{
	for (int at = 0; at < count; at++)
	{
		if (has_capability(role, among[at]))
			return true;
	}
	return false;
}

static char *
list_names(const DbmCapability *among, int count)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int at = 0; at < count; at++)
		appendStringInfo(&list, "%s\"%s\"", at ? ", " : "", names[among[at]]);
	return list.data;
}

void
dbm_capability_require_one(const DbmCapability *among, int count, const char *act)
{
	Oid lacking = InvalidOid;

	if (!has_one(GetAuthenticatedUserId(), among, count))
		lacking = GetAuthenticatedUserId();
	else if (GetUserId() != GetAuthenticatedUserId() && !has_one(GetUserId(), among, count))
		lacking = GetUserId();
	if (OidIsValid(lacking))
		ereport(ERROR,
				(errcode(ERRCODE_DBM_CAPABILITY), errmsg("permission denied for %s", act),
				 errdetail("Role \"%s\" has none of these capabilities in this database: %s.",
						   GetUserNameFromId(lacking, false), list_names(among, count)),
				 errhint("Ask an administrator of dbmaestro for: SELECT dbm_grant('%s', %s);",
						 names[among[count - 1]],
						 quote_literal_cstr(GetUserNameFromId(lacking, false)))));
}

void
dbm_capability_require_any(const char *act)
{
	Oid lacking = find_lacking_role(DBM_CAPABILITY_COUNT);

	if (OidIsValid(lacking))
		ereport(ERROR,
				(errcode(ERRCODE_DBM_CAPABILITY), errmsg("permission denied for %s", act),
				 errdetail("Role \"%s\" has no capability in this database.",
						   GetUserNameFromId(lacking, false)),
				 errhint("Ask an administrator of dbmaestro for: SELECT dbm_grant('audit', %s);",
						 quote_literal_cstr(GetUserNameFromId(lacking, false)))));
}
