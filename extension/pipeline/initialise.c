/*
 * pipeline/initialise.c: dbm_init and dbm_attach, saying which environment
 * this database is
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_publication.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "audit/event.h"
#include "audit/refusal.h"
#include "core/environment.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/own_statement.h"
#include "pipeline/capability.h"
#include "pipeline/environment.h"

PG_FUNCTION_INFO_V1(dbm_init);
PG_FUNCTION_INFO_V1(dbm_attach);

char *
dbm_publication_of_all_tables(void)
{
	Relation relation = table_open(PublicationRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;
	char *name = NULL;

	while (name == NULL && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_publication publication = (Form_pg_publication) GETSTRUCT(tuple);

		if (publication->puballtables)
			name = pstrdup(NameStr(publication->pubname));
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return name;
}

static void
require_no_publication(bool accepted)
{
	char *publication = dbm_publication_of_all_tables();

	if (publication && !accepted)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("publication \"%s\" publishes the tables of dbmaestro too", publication),
				 errdetail("It is FOR ALL TABLES; a subscriber that does not have these tables "
						   "stops at the first row."),
				 errhint("Publish the application's schemas instead, or call dbm_init with "
						 "accept_publication => true.")));
}

static void
check_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > 63 ||
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") != length)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid name of an environment: \"%s\"", name),
						errhint("Use letters, digits, \"_\", \"-\" and \".\", at most 63.")));
}

void
dbm_environment_name_check(const char *name, const char *follows)
{
	check_name(name);
	if (follows)
		check_name(follows);
	if (follows && strcmp(name, follows) == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("environment \"%s\" cannot follow itself", name),
						errhint("Name the environment before it, or none for the first one.")));
}

void
dbm_run_as_check(const char *role)
{
	Oid oid = get_role_oid(role, false);

	if (superuser_arg(oid) && !(superuser_arg(GetAuthenticatedUserId()) && superuser()))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be superuser to have scripts run as superuser \"%s\"", role),
						errhint("Name a role that owns just the application's objects.")));
	if (!is_member_of_role(GetUserId(), oid))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be a member of role \"%s\" to have scripts run as it", role),
						errhint("Ask for membership, or have a superuser set it.")));
}

static void
require_initialiser(void)
{
	if (!has_privs_of_role(GetUserId(), dbm_extension_owner()))
		ereport(ERROR,
				(errcode(ERRCODE_DBM_CAPABILITY), errmsg("permission denied for dbm_init"),
				 errdetail("Only a superuser or the owner of the extension may say which "
						   "environment a database is."),
				 errhint("Connect as \"%s\".", GetUserNameFromId(dbm_extension_owner(), false))));
}

static void
record_identity(const char *kind, const char *action, const char *name, const char *detail)
{
	DbmEvent event = {
		.kind = kind,
		.action = action,
		.object_kind = "environment",
		.object = name,
		.statement_length = -1,
		.detail = detail,
	};

	dbm_event_record(&event);
}

static Datum
init_body(PG_FUNCTION_ARGS)
{
	DbmRow *row = dbm_row_make(&dbm_environment_table);
	const char *name;
	const char *follows = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	const char *run_as = PG_ARGISNULL(2) ? NULL : NameStr(*PG_GETARG_NAME(2));

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("name of the environment must not be null"),
						errhint("Run: SELECT dbm_init('<environment>');")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	dbm_require_own_statement(fcinfo, "dbm_init");
	dbm_require_same_version();
	require_initialiser();
	dbm_environment_name_check(name, follows);
	if (run_as)
		dbm_run_as_check(run_as);

	dbm_table_lock(&dbm_environment_table);
	if (dbm_environment_read(row, NULL))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("database is environment \"%s\" already",
							   dbm_row_text(row, DBM_ENVIRONMENT_NAME)),
						errhint("Use dbm_configure to change its settings; in a copy of another "
								"environment run: SELECT dbm_attach('<reason>', '%s');",
								name)));
	require_no_publication(PG_GETARG_BOOL(3));

	row = dbm_row_make(&dbm_environment_table);
	dbm_row_set(row, DBM_ENVIRONMENT_SINGLE, BoolGetDatum(true));
	dbm_row_set_text(row, DBM_ENVIRONMENT_NAME, name);
	dbm_row_set_text(row, DBM_ENVIRONMENT_FOLLOWS, follows);
	dbm_row_set_text(row, DBM_ENVIRONMENT_RUN_AS_NAME, run_as);
	if (run_as)
		dbm_row_set(row, DBM_ENVIRONMENT_RUN_AS, ObjectIdGetDatum(get_role_oid(run_as, false)));
	dbm_row_set_text(row, DBM_ENVIRONMENT_GUARD, dbm_guard_mode_name(DBM_GUARD_OBSERVE));
	dbm_row_set(row, DBM_ENVIRONMENT_INITIALISED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_text(row, DBM_ENVIRONMENT_INITIALISED_BY,
					 GetUserNameFromId(GetAuthenticatedUserId(), false));
	dbm_environment_write(row);
	dbm_binding_write("dbm_init");
	record_identity("init", "dbm_init", name,
					run_as ? psprintf("scripts run as \"%s\"", run_as) : NULL);
	PG_RETURN_VOID();
}

static Datum
attach_body(PG_FUNCTION_ARGS)
{
	DbmRow *row = dbm_row_make(&dbm_environment_table);
	const char *reason = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *name = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	const DbmEnvironment *facts;
	const char *before;

	dbm_require_own_statement(fcinfo, "dbm_attach");
	dbm_require_same_version();
	dbm_require_initialised();
	dbm_capability_require(DBM_CAPABILITY_ADMIN, "dbm_attach");
	if (reason[0] == '\0' || name == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("dbm_attach needs a reason and the name of the environment"),
						errhint("Run: SELECT dbm_attach('<reason>', '<environment>');")));
	facts = dbm_environment();
	dbm_environment_name_check(name, facts->follows);
	if (facts->identity == DBM_IDENTITY_ATTACHED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("database is attached as environment \"%s\" already", facts->name),
				 strcmp(name, facts->name) == 0
					 ? errhint("Nothing needs to be done.")
					 : errhint("Connect to the database of \"%s\".  One that is attached keeps "
							   "its name.",
							   name)));
	before = psprintf("was \"%s\", %s; %s", facts->name, dbm_identity_name(facts->identity),
					  reason);

	dbm_table_lock(&dbm_environment_table);
	(void) dbm_environment_read(row, NULL);
	dbm_row_set_text(row, DBM_ENVIRONMENT_NAME, name);
	dbm_environment_write(row);
	dbm_binding_write(reason);
	record_identity("attach", "dbm_attach", name, before);
	PG_RETURN_VOID();
}

Datum
dbm_init(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_init", init_body);
}

Datum
dbm_attach(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_attach", attach_body);
}
