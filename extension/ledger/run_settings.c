/*
 * ledger/run_settings.c: the settings on which the meaning of a script depends
 *
 * What was approved must do the same whoever deploys it.  So a script runs with
 * what the server, the database and the role that runs it say, in the order in
 * which a new session would hear them (process_settings() in
 * utils/init/postinit.c), and without what the deployer's role, client or
 * session says.  Settings that are not listed here bound the effort and choose
 * what is reported: timeouts, memory, the planner's, messages.  Those stay.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/result.h"
#include "ledger/run_settings.h"

typedef struct RunSetting
{
	const char *name;
	const char *initial;		/* of the server, where nobody says anything */
} RunSetting;

/*
 * standard_conforming_strings is not among them: it is on, or no script is
 * read.  Not every server has every one.
 */
static const RunSetting run_settings[] = {
	/* what literals mean, and what values look like as text */
	{"DateStyle", "ISO, MDY"},
	{"IntervalStyle", "postgres"},
	{"TimeZone", "GMT"},
	{"timezone_abbreviations", "Default"},
	{"array_nulls", "on"},
	{"bytea_output", "hex"},
	{"extra_float_digits", "1"},
	{"lc_monetary", "C"},
	{"lc_numeric", "C"},
	{"lc_time", "C"},
	{"xmlbinary", "base64"},
	{"xmloption", "content"},

	/* what statements mean */
	{"backslash_quote", "safe_encoding"},
	{"default_text_search_config", "pg_catalog.simple"},
	{"gin_fuzzy_search_limit", "0"},
	{"quote_all_identifiers", "off"},
	{"row_security", "on"},
	{"transform_null_equals", "off"},

	/* what becomes of what they make, and what they may make */
	{"allow_system_table_mods", "off"},
	{"check_function_bodies", "on"},
	{"createrole_self_grant", ""},
	{"default_table_access_method", "heap"},
	{"default_tablespace", ""},
	{"default_toast_compression", "pglz"},
	{"dynamic_library_path", "$libdir"},
	{"extension_control_path", "$system"},
	{"icu_validation_level", "warning"},
	{"lo_compat_privileges", "off"},
	{"password_encryption", "scram-sha-256"},
	{"restrict_nonsystem_relation_kind", ""},
	{"temp_tablespaces", ""},

	/* the same of PL/pgSQL */
	{"plpgsql.check_asserts", "on"},
	{"plpgsql.extra_errors", "none"},
	{"plpgsql.extra_warnings", "none"},
	{"plpgsql.print_strict_params", "off"},
	{"plpgsql.variable_conflict", "error"},
};

#define NSETTINGS lengthof(run_settings)

/* What ALTER DATABASE and ALTER ROLE say: least specific first, as it is applied. */
#define NLAYERS 4

typedef struct Layers
{
	const char *values[NLAYERS][NSETTINGS];
} Layers;

/* What the configuration files say, as read after the server last read them. */
static char *file_values[NSETTINGS];
static TimestampTz files_read_at = 0;

static int
find_run_setting(const char *name, Size length)
{
	for (int at = 0; at < NSETTINGS; at++)
	{
		if (pg_strncasecmp(run_settings[at].name, name, length) == 0 &&
			run_settings[at].name[length] == '\0')
			return at;
	}
	return -1;
}

/* ---- what the database and the role say ---- */

static void
note_values(ArrayType *settings, const char **values)
{
	Datum *elements;
	int count;

	deconstruct_array(settings, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &count);
	for (int at = 0; at < count; at++)
	{
		char *element = TextDatumGetCString(elements[at]);
		char *value = strchr(element, '=');
		int found = value ? find_run_setting(element, value - element) : -1;

		if (found >= 0)
			values[found] = value + 1;
	}
}

static void
read_layer(Relation relation, Oid database, Oid role, const char **values)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(database));
	ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(role));
	scan = systable_beginscan(relation, DbRoleSettingDatidRolidIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool is_null;
		Datum settings = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig,
									  RelationGetDescr(relation), &is_null);

		if (!is_null)
			note_values(DatumGetArrayTypePCopy(settings), values);
	}
	systable_endscan(scan);
}

static void
read_layers(Oid role, Layers *layers)
{
	Relation relation = table_open(DbRoleSettingRelationId, AccessShareLock);

	memset(layers, 0, sizeof(Layers));
	/* in most clusters nothing has ever been said there */
	if (RelationGetNumberOfBlocks(relation) > 0)
	{
		read_layer(relation, InvalidOid, InvalidOid, layers->values[0]);
		read_layer(relation, MyDatabaseId, InvalidOid, layers->values[1]);
		read_layer(relation, InvalidOid, role, layers->values[2]);
		read_layer(relation, MyDatabaseId, role, layers->values[3]);
	}
	table_close(relation, AccessShareLock);
}

/* ---- what the server says ---- */

static void
keep_file_value(TupleTableSlot *slot)
{
	bool no_name;
	bool no_value;
	bool no_answer;
	Datum name = slot_getattr(slot, 4, &no_name);
	Datum value = slot_getattr(slot, 5, &no_value);
	Datum applied = slot_getattr(slot, 6, &no_answer);
	char *known = no_name ? NULL : TextDatumGetCString(name);
	int found = known ? find_run_setting(known, strlen(known)) : -1;

	/* of several entries only the last one is applied */
	if (found >= 0 && !no_value && !no_answer && DatumGetBool(applied))
		file_values[found] = MemoryContextStrdup(CacheMemoryContext, TextDatumGetCString(value));
}

static void
forget_file_values(void)
{
	for (int at = 0; at < NSETTINGS; at++)
	{
		if (file_values[at])
			pfree(file_values[at]);
		file_values[at] = NULL;
	}
}

/*
 * A setting that the client or the login role has given a value at the start
 * of the session no longer knows what the server said.  The files do.
 */
static void
read_files(void)
{
	TupleDesc descriptor;
	Tuplestorestate *rows;
	TupleTableSlot *slot;

	if (files_read_at == PgReloadTime)
		return;
	rows = dbm_call_set(show_all_file_settings, F_PG_SHOW_ALL_FILE_SETTINGS, &descriptor);
	slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);
	forget_file_values();
	while (tuplestore_gettupleslot(rows, true, false, slot))
		keep_file_value(slot);
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(rows);
	files_read_at = PgReloadTime;
}

static const char *
server_value(int at, const struct config_generic *setting)
{
	const char *value = NULL;

	if (setting->reset_source > PGC_S_ARGV)
	{
		read_files();
		value = file_values[at];
	}
	else if (setting->reset_source != PGC_S_DEFAULT)
		value = GetConfigOptionResetString(run_settings[at].name);
	return value ? value : run_settings[at].initial;
}

/* ---- setting ---- */

/* As of a new session: what a role or database says wrongly is worth a warning. */
static bool
set_value(int at, const char *value, int elevel)
{
	const char *present = GetConfigOption(run_settings[at].name, true, false);

	if (present && strcmp(present, value) == 0)
		return true;
	return set_config_option(run_settings[at].name, value, PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, elevel, false) > 0;
}

/* A DateStyle may say one half of it only, and leaves the other as it was. */
static bool
is_whole(int at, const char *value)
{
	return value && (pg_strcasecmp(run_settings[at].name, "DateStyle") != 0 || strchr(value, ','));
}

static bool
says_whole(const Layers *layers, int at)
{
	for (int layer = 0; layer < NLAYERS; layer++)
	{
		if (is_whole(at, layers->values[layer][at]))
			return true;
	}
	return false;
}

static void
set_one(int at, const struct config_generic *setting, const Layers *layers)
{
	if (setting->source > PGC_S_ARGV && !says_whole(layers, at))
		(void) set_value(at, server_value(at, setting), ERROR);
	for (int layer = 0; layer < NLAYERS; layer++)
	{
		const char *value = layers->values[layer][at];

		if (value && !set_value(at, value, WARNING))
			(void) set_value(at, server_value(at, setting), ERROR);
	}
}

/* Looked up once; those of a module may yet be replaced, when it is loaded. */
static const struct config_generic *
find_setting(int at)
{
	static const struct config_generic *found[NSETTINGS];

	if (found[at])
		return found[at];
	if (strchr(run_settings[at].name, '.'))
		return dbm_find_setting(run_settings[at].name);
	return found[at] = dbm_find_setting(run_settings[at].name);
}

void
dbm_run_settings_set(Oid role)
{
	Layers layers;

	read_layers(role, &layers);
	for (int at = 0; at < NSETTINGS; at++)
	{
		const struct config_generic *setting = find_setting(at);

		if (setting)
			set_one(at, setting, &layers);
	}
}
