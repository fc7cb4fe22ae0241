/*
 * pipeline/configure.c: dbm_configure
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "audit/event.h"
#include "audit/refusal.h"
#include "core/environment.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/own_statement.h"
#include "core/settings.h"
#include "pipeline/capability.h"
#include "pipeline/environment.h"

PG_FUNCTION_INFO_V1(dbm_configure);

/* Sets follows or run_as, which are columns of environment; returns the value before. */
static char *
write_environment_column(const char *setting, const char *value)
{
	bool is_run_as = strcmp(setting, "run_as") == 0;
	int column = is_run_as ? DBM_ENVIRONMENT_RUN_AS_NAME : DBM_ENVIRONMENT_FOLLOWS;
	DbmRow *row = dbm_row_make(&dbm_environment_table);
	char *before;

	dbm_table_lock(&dbm_environment_table);
	(void) dbm_environment_read(row, NULL);
	before = dbm_row_text(row, column);
	if (value && !is_run_as)
		dbm_environment_name_check(dbm_row_text(row, DBM_ENVIRONMENT_NAME), value);
	row->nulls[column] = true;
	dbm_row_set_text(row, column, value);
	if (is_run_as)
	{
		if (value)
			dbm_run_as_check(value);
		row->nulls[DBM_ENVIRONMENT_RUN_AS] = true;
		if (value)
			dbm_row_set(row, DBM_ENVIRONMENT_RUN_AS, ObjectIdGetDatum(get_role_oid(value, false)));
	}
	dbm_environment_write(row);
	return before;
}

/* Whoever has sessions terminated must be allowed to do that by himself. */
static void
require_signal_right(const char *value)
{
	bool boolean;

	if ((parse_bool(value, &boolean) && !boolean) ||
		has_privs_of_role(GetUserId(), ROLE_PG_SIGNAL_BACKEND))
		return;
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("permission denied to have sessions terminated"),
					errdetail("Only members of pg_signal_backend and superusers may set "
							  "cancel_idle_in_transaction."),
					errhint("Ask a superuser to run: GRANT pg_signal_backend TO %s;",
							quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

static char *
write_setting(const char *name, const char *value)
{
	int setting = dbm_setting_find(name);

	if (setting < 0)
	{
		StringInfoData known;

		initStringInfo(&known);
		for (int at = 0; at < DBM_SETTING_COUNT; at++)
			appendStringInfo(&known, "%s, ", dbm_setting_definitions[at].name);
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("unrecognized setting: \"%s\"", name),
				 errhint("Settings are %sfollows and run_as.", known.data)));
	}
	if (value)
		dbm_setting_check(setting, value);
	if (value && setting == DBM_SETTING_CANCEL_IDLE_IN_TRANSACTION)
		require_signal_right(value);
	return dbm_setting_write(name, value);
}

static Datum
configure_body(PG_FUNCTION_ARGS)
{
	const char *name;
	const char *value = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	const char *before;
	DbmEvent event = {.kind = "setting", .action = "dbm_configure", .statement_length = -1};

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("name of the setting must not be null"),
						errhint("Run: SELECT dbm_configure('<setting>', '<value>');")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	dbm_require_own_statement(fcinfo, "dbm_configure");
	dbm_require_initialised();
	dbm_capability_require(DBM_CAPABILITY_CONFIGURE, "dbm_configure");
	if (strcmp(name, "follows") == 0 || strcmp(name, "run_as") == 0)
		before = write_environment_column(name, value);
	else
		before = write_setting(name, value);

	event.object_kind = "setting";
	event.object = name;
	event.detail = psprintf("from %s to %s", before ? psprintf("\"%s\"", before) : "initial",
							value ? psprintf("\"%s\"", value) : "initial");
	dbm_event_record(&event);
	PG_RETURN_VOID();
}

Datum
dbm_configure(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_configure", configure_body);
}
