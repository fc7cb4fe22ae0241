/*
 * guard/mode.c: dbm_guard, the switch
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/varlena.h"

#include "audit/event.h"
#include "audit/refusal.h"
#include "core/environment.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/own_statement.h"
#include "core/settings.h"
#include "pipeline/capability.h"

#define PRELOAD_SETTING "session_preload_libraries"
#define LIBRARY "dbmaestro"

PG_FUNCTION_INFO_V1(dbm_guard);

static DbmGuardMode
parse_mode(const char *name)
{
	for (DbmGuardMode mode = DBM_GUARD_OFF; mode <= DBM_GUARD_ENFORCE; mode++)
	{
		if (strcmp(name, dbm_guard_mode_name(mode)) == 0)
			return mode;
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("guard mode \"%s\" does not exist", name),
					errhint("Give off, observe or enforce.")));
}

/* Value of the setting in an array of "name=value", or NULL. */
static char *
find_setting(ArrayType *settings)
{
	static const char prefix[] = PRELOAD_SETTING "=";
	Datum	   *elements;
	int			count;

	deconstruct_array(settings, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &count);
	for (int at = 0; at < count; at++)
	{
		char	   *element = TextDatumGetCString(elements[at]);

		if (strncmp(element, prefix, strlen(prefix)) == 0)
			return element + strlen(prefix);
	}
	return NULL;
}

/* What ALTER DATABASE ... SET session_preload_libraries holds for this database, or NULL. */
static char *
read_stored_libraries(void)
{
	Relation	relation = table_open(DbRoleSettingRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *value = NULL;

	ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(MyDatabaseId));
	ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(InvalidOid));
	scan = systable_beginscan(relation, DbRoleSettingDatidRolidIndexId, true, NULL, 2, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		is_null;
		Datum		settings = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig,
									  RelationGetDescr(relation), &is_null);

		if (!is_null)
			value = find_setting(DatumGetArrayTypePCopy(settings));
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return value;
}

static List *
split_libraries(const char *value)
{
	List	   *libraries = NIL;

	if (value == NULL || !SplitDirectoriesString(pstrdup(value), ',', &libraries))
		return NIL;
	return libraries;
}

static bool
is_library(const char *name)
{
	return strcmp(name, LIBRARY) == 0 || strcmp(name, "$libdir/" LIBRARY) == 0;
}

static bool
holds_library(List *libraries)
{
	ListCell   *cell;

	foreach(cell, libraries)
	{
		if (is_library(lfirst(cell)))
			return true;
	}
	return false;
}

static Node *
make_constant(char *value)
{
	A_Const    *constant = makeNode(A_Const);

	constant->val.sval.type = T_String;
	constant->val.sval.sval = value;
	constant->location = -1;
	return (Node *) constant;
}

/* ALTER DATABASE ... SET or, with no library left, RESET. */
static void
store_libraries(List *libraries)
{
	AlterDatabaseSetStmt *statement = makeNode(AlterDatabaseSetStmt);
	VariableSetStmt *setting = makeNode(VariableSetStmt);
	ListCell   *cell;

	setting->kind = libraries ? VAR_SET_VALUE : VAR_RESET;
	setting->name = PRELOAD_SETTING;
	foreach(cell, libraries)
		setting->args = lappend(setting->args, make_constant(lfirst(cell)));
	statement->dbname = get_database_name(MyDatabaseId);
	statement->setstmt = setting;
	(void) AlterDatabaseSet(statement);
}

/*
 * The setting of the database hides that of the configuration file, so the
 * first time it starts from what this session was started with.
 */
static void
start_preloading(void)
{
	const char *stored = read_stored_libraries();
	List *libraries = split_libraries(stored ? stored
											 : GetConfigOptionResetString(PRELOAD_SETTING));

	if (strcmp(dbm_tier(), "events") != 0 || holds_library(split_libraries(stored)))
		return;
	if (!holds_library(libraries))
		libraries = lappend(libraries, LIBRARY);
	store_libraries(libraries);
	ereport(NOTICE,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 errmsg("new sessions of database \"%s\" load the library \"%s\"",
					get_database_name(MyDatabaseId), LIBRARY),
			 errdetail("It was added to session_preload_libraries of the database.  Sessions that "
					   "are open now work with the event triggers alone.")));
}

static void
stop_preloading(void)
{
	List	   *libraries = split_libraries(read_stored_libraries());
	List	   *kept = NIL;
	ListCell   *cell;

	if (!holds_library(libraries))
		return;
	foreach(cell, libraries)
	{
		if (!is_library(lfirst(cell)))
			kept = lappend(kept, lfirst(cell));
	}
	store_libraries(kept);
	ereport(NOTICE, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
					 errmsg("new sessions of database \"%s\" no longer load the library \"%s\"",
							get_database_name(MyDatabaseId), LIBRARY)));
}

static void
require_superuser_for_off(void)
{
	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_DBM_CAPABILITY),
				 errmsg("permission denied to switch the guard off"),
				 errdetail("Only a superuser may, because dbmaestro can be dropped afterwards."),
				 errhint("Run SELECT dbm_guard('observe') to let changes pass and record them.")));
}

static void
record_switch(DbmGuardMode before, DbmGuardMode after)
{
	DbmEvent	event = {.kind = "guard"};

	event.action = "dbm_guard";
	event.object_kind = "environment";
	event.object = dbm_environment()->name;
	event.message = psprintf("guard switched from %s to %s", dbm_guard_mode_name(before),
							 dbm_guard_mode_name(after));
	dbm_event_record(&event);
}

static Datum
switch_guard(PG_FUNCTION_ARGS)
{
	DbmGuardMode before;
	DbmGuardMode mode;
	bool		preload = PG_ARGISNULL(1) || PG_GETARG_BOOL(1);

	dbm_require_own_statement(fcinfo, "dbm_guard");
	dbm_require_initialised();
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("guard mode must not be null"),
				 errhint("Give off, observe or enforce.")));
	mode = parse_mode(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	dbm_capability_require(DBM_CAPABILITY_ADMIN, "dbm_guard");
	if (mode == DBM_GUARD_OFF)
		require_superuser_for_off();
	if (mode == DBM_GUARD_ENFORCE)
		dbm_require_attached("dbm_guard");

	before = dbm_environment()->guard;
	dbm_environment_set_guard(mode);
	record_switch(before, mode);
	if (superuser() && mode == DBM_GUARD_ENFORCE && preload)
		start_preloading();
	if (superuser() && mode == DBM_GUARD_OFF)
		stop_preloading();
	PG_RETURN_TEXT_P(cstring_to_text(dbm_guard_mode_name(dbm_environment()->guard_in_force)));
}

Datum
dbm_guard(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_guard", switch_guard);
}
