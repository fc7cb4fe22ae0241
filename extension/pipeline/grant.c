/*
 * pipeline/grant.c: dbm_grant and dbm_revoke
 *
 * The capabilities audit and backup also mean SELECT on our tables; that is
 * granted and taken away as the owner of the extension.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "audit/event.h"
#include "audit/refusal.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/own_statement.h"
#include "pipeline/capability.h"
#include "pipeline/grant.h"

PG_FUNCTION_INFO_V1(dbm_grant);
PG_FUNCTION_INFO_V1(dbm_revoke);

static DbmCapability
parse_capability(const char *name)
{
	StringInfoData known;

	initStringInfo(&known);
	for (int capability = 0; capability < DBM_CAPABILITY_COUNT; capability++)
	{
		if (strcmp(dbm_capability_name(capability), name) == 0)
			return capability;
		appendStringInfo(&known, "%s%s", capability > 0 ? ", " : "",
						 dbm_capability_name(capability));
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("unrecognized capability: \"%s\"", name),
					errhint("Capabilities are %s.", known.data)));
}

/* Both arguments, once the caller may grant. */
static const char *
read_arguments(FunctionCallInfo fcinfo, const char *act, DbmCapability *capability)
{
	dbm_require_own_statement(fcinfo, act);
	dbm_require_initialised();
	dbm_capability_require(DBM_CAPABILITY_ADMIN, act);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("capability and role must not be null"),
						errhint("Run: SELECT %s('<capability>', '<role>');", act)));
	*capability = parse_capability(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	return NameStr(*PG_GETARG_NAME(1));
}

static bool
find_row(DbmCapability capability, const char *role, ItemPointer tid)
{
	DbmRow *row = dbm_row_make(&dbm_capability_table);
	ScanKeyData keys[2];
	DbmScan *scan;
	bool found;

	ScanKeyInit(&keys[0], DBM_CAPABILITY_NAME + 1, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(dbm_capability_name(capability)));
	ScanKeyInit(&keys[1], DBM_CAPABILITY_ROLE_NAME + 1, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(role));
	scan = dbm_scan_begin(&dbm_capability_table, dbm_capability_table.primary_key, 2, keys);
	found = dbm_scan_next(scan, row);
	if (found)
		*tid = dbm_scan_tid(scan);
	dbm_scan_end(scan);
	return found;
}

/* One GRANT or REVOKE on everything of one kind in schema dbmaestro. */
static void
run_grant(bool is_grant, ObjectType kind, const char *privilege, const char *role)
{
	GrantStmt *statement = makeNode(GrantStmt);
	AccessPriv *access = makeNode(AccessPriv);
	RoleSpec *grantee = makeNode(RoleSpec);

	access->priv_name = pstrdup(privilege);
	grantee->roletype = ROLESPEC_CSTRING;
	grantee->rolename = pstrdup(role);
	grantee->location = -1;
	statement->is_grant = is_grant;
	statement->targtype = kind == OBJECT_SCHEMA ? ACL_TARGET_OBJECT : ACL_TARGET_ALL_IN_SCHEMA;
	statement->objtype = kind;
	statement->objects = list_make1(makeString(pstrdup("dbmaestro")));
	statement->privileges = list_make1(access);
	statement->grantees = list_make1(grantee);
	statement->behavior = DROP_RESTRICT;
	ExecuteGrantStmt(statement);
	CommandCounterIncrement();
}

static void
change_read_access(bool is_grant, const char *role)
{
	Oid user;
	int security;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(dbm_extension_owner(), security | SECURITY_LOCAL_USERID_CHANGE);
	PG_TRY();
	{
		run_grant(is_grant, OBJECT_SCHEMA, "usage", role);
		run_grant(is_grant, OBJECT_TABLE, "select", role);
		run_grant(is_grant, OBJECT_SEQUENCE, "select", role);
	}
	PG_FINALLY();
	{
		SetUserIdAndSecContext(user, security);
	}
	PG_END_TRY();
}

static bool
means_reading(DbmCapability capability)
{
	return capability == DBM_CAPABILITY_AUDIT || capability == DBM_CAPABILITY_BACKUP;
}

static void
record_grant(const char *action, DbmCapability capability, const char *role)
{
	DbmEvent event = {
		.kind = "grant",
		.action = action,
		.object_kind = "role",
		.object = role,
		.statement_length = -1,
		.detail = psprintf("capability \"%s\"", dbm_capability_name(capability)),
	};

	dbm_event_record(&event);
}

static Datum
grant_body(PG_FUNCTION_ARGS)
{
	DbmCapability capability;
	const char *role = read_arguments(fcinfo, "dbm_grant", &capability);
	Oid oid = get_role_oid(role, false);
	DbmRow *row = dbm_row_make(&dbm_capability_table);
	ItemPointerData tid;

	dbm_row_set_text(row, DBM_CAPABILITY_NAME, dbm_capability_name(capability));
	dbm_row_set_text(row, DBM_CAPABILITY_ROLE_NAME, role);
	dbm_row_set(row, DBM_CAPABILITY_ROLE, ObjectIdGetDatum(oid));
	dbm_row_set(row, DBM_CAPABILITY_GRANTED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_text(row, DBM_CAPABILITY_GRANTED_BY,
					 GetUserNameFromId(GetAuthenticatedUserId(), false));
	dbm_table_lock(&dbm_capability_table);
	/* a row left by a role of the same name that is gone is replaced */
	if (find_row(capability, role, &tid))
		dbm_table_update(row, &tid);
	else
		dbm_table_insert(row);
	if (means_reading(capability))
		change_read_access(true, role);
	record_grant("dbm_grant", capability, role);
	PG_RETURN_VOID();
}

static Datum
revoke_body(PG_FUNCTION_ARGS)
{
	DbmCapability capability;
	const char *role = read_arguments(fcinfo, "dbm_revoke", &capability);
	ItemPointerData tid;
	ItemPointerData other;

	dbm_table_lock(&dbm_capability_table);
	if (!find_row(capability, role, &tid))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("role \"%s\" has not been granted the capability \"%s\"", role,
							   dbm_capability_name(capability)),
						errhint("Run: SELECT * FROM dbmaestro.capability;")));
	dbm_table_delete(&dbm_capability_table, &tid);
	if (means_reading(capability) && OidIsValid(get_role_oid(role, true)) &&
		!find_row(DBM_CAPABILITY_AUDIT, role, &other) &&
		!find_row(DBM_CAPABILITY_BACKUP, role, &other))
		change_read_access(false, role);
	record_grant("dbm_revoke", capability, role);
	PG_RETURN_VOID();
}

Datum
dbm_grant(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_grant", grant_body);
}

Datum
dbm_revoke(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_revoke", revoke_body);
}
