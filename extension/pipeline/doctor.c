/*
 * pipeline/doctor.c: dbm_doctor, a row for every door and every weakness
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "audit/durable.h"
#include "audit/event.h"
#include "audit/refusal.h"
#include "core/compat.h"
#include "core/environment.h"
#include "core/installed.h"
#include "core/settings.h"
#include "pipeline/capability.h"
#include "pipeline/doctor.h"
#include "pipeline/environment.h"
#include "pipeline/replication.h"
#include "schema/saved.h"
#include "schema/store.h"

PG_FUNCTION_INFO_V1(dbm_doctor);

/* Minor release below which fixed holes of the server matter to what we promise. */
#define SAFE_MINOR_OF_15 150014

struct DbmDoctorReport
{
	ReturnSetInfo *result;
};

static DbmDoctorCheck registered[16];
static int nregistered = 0;

void
dbm_doctor_register(DbmDoctorCheck check)
{
	if (nregistered >= lengthof(registered))
		elog(ERROR, "too many checks for dbm_doctor");
	registered[nregistered++] = check;
}

void
dbm_doctor_report(DbmDoctorReport *report, const char *check, DbmHealth health, const char *finding,
				  const char *advice)
{
	static const char *const names[] = {
		[DBM_HEALTH_OK] = "ok",
		[DBM_HEALTH_INFO] = "info",
		[DBM_HEALTH_WARNING] = "warning",
		[DBM_HEALTH_ERROR] = "error",
	};
	Datum values[4] = {0};
	bool nulls[4] = {false, false, false, advice == NULL};

	values[0] = CStringGetTextDatum(check);
	values[1] = CStringGetTextDatum(names[health]);
	values[2] = CStringGetTextDatum(finding);
	if (advice)
		values[3] = CStringGetTextDatum(advice);
	tuplestore_putvalues(report->result->setResult, report->result->setDesc, values, nulls);
}

static void
check_version(DbmDoctorReport *report)
{
	bool same = strcmp(dbm_extension_version(), DBM_VERSION) == 0;

	dbm_doctor_report(report, "version", same ? DBM_HEALTH_OK : DBM_HEALTH_ERROR,
					  psprintf("library %s, extension %s", DBM_VERSION, dbm_extension_version()),
					  same ? NULL : "Run ALTER EXTENSION dbmaestro UPDATE in a new session.");
}

static void
check_server(DbmDoctorReport *report)
{
	int number = atoi(GetConfigOption("server_version_num", false, false));
	bool old = number < SAFE_MINOR_OF_15;

	dbm_doctor_report(report, "server", old ? DBM_HEALTH_WARNING : DBM_HEALTH_OK,
					  psprintf("PostgreSQL %s", GetConfigOption("server_version", false, false)),
					  old ? "Update to the newest minor release." : NULL);
}

static void
check_tier(DbmDoctorReport *report)
{
	const char *tier = dbm_tier();

	if (strcmp(tier, "server") == 0)
		dbm_doctor_report(report, "tier", DBM_HEALTH_OK,
						  "server: the library is in shared_preload_libraries", NULL);
	else if (strcmp(tier, "session") == 0)
		dbm_doctor_report(report, "tier", DBM_HEALTH_INFO,
						  "session: client sessions load the library, background workers do not",
						  "Add dbmaestro to shared_preload_libraries and restart.");
	else
		dbm_doctor_report(report, "tier", DBM_HEALTH_WARNING,
						  "events: commands that fire no event trigger are not refused",
						  "Run dbm_guard('enforce') as superuser, which sets "
						  "session_preload_libraries for new sessions, and connect again; or add "
						  "dbmaestro to shared_preload_libraries.");
}

static void
check_identity(DbmDoctorReport *report)
{
	const DbmEnvironment *facts = dbm_environment();

	if (!facts->initialised)
		dbm_doctor_report(report, "identity", DBM_HEALTH_WARNING, "not initialised",
						  "Run SELECT dbm_init('<environment>').");
	else if (facts->identity == DBM_IDENTITY_ATTACHED)
		dbm_doctor_report(report, "identity", DBM_HEALTH_OK,
						  psprintf("environment \"%s\", attached", facts->name), NULL);
	else
		dbm_doctor_report(
			report, "identity", DBM_HEALTH_ERROR,
			psprintf("environment \"%s\", %s", facts->name, dbm_identity_name(facts->identity)),
			"Run SELECT dbm_attach('<reason>', '<environment>').");
}

static void
check_guard(DbmDoctorReport *report)
{
	const DbmEnvironment *facts = dbm_environment();

	dbm_doctor_report(
		report, "guard",
		facts->guard_in_force == DBM_GUARD_ENFORCE ? DBM_HEALTH_OK : DBM_HEALTH_WARNING,
		psprintf("configured %s, in force %s", dbm_guard_mode_name(facts->guard),
				 dbm_guard_mode_name(facts->guard_in_force)),
		facts->guard == DBM_GUARD_ENFORCE ? NULL : "Run SELECT dbm_guard('enforce').");
}

static void
check_run_as(DbmDoctorReport *report)
{
	const DbmEnvironment *facts = dbm_environment();

	if (facts->run_as_name == NULL)
		dbm_doctor_report(report, "run_as", DBM_HEALTH_INFO, "scripts run as whoever applies them",
						  "Run SELECT dbm_configure('run_as', '<owner of the schema>').");
	else if (!OidIsValid(facts->run_as))
		dbm_doctor_report(report, "run_as", DBM_HEALTH_ERROR,
						  psprintf("role \"%s\" is not the one configured", facts->run_as_name),
						  "Run SELECT dbm_configure('run_as', '<role>') again.");
	else
		dbm_doctor_report(report, "run_as",
						  superuser_arg(facts->run_as) ? DBM_HEALTH_WARNING : DBM_HEALTH_OK,
						  psprintf("scripts run as \"%s\"%s", facts->run_as_name,
								   superuser_arg(facts->run_as) ? ", a superuser" : ""),
						  superuser_arg(facts->run_as)
							  ? "Let a role that owns just the application's objects run them."
							  : NULL);
}

static void
check_settings(DbmDoctorReport *report)
{
	static const DbmSetting weakening[] = {DBM_SETTING_ALLOW_RESET, DBM_SETTING_ALLOW_SECRETS,
										   DBM_SETTING_ALLOW_PRIOR_WRITES};

	for (int at = 0; at < lengthof(weakening); at++)
	{
		if (dbm_setting_bool(weakening[at]))
			dbm_doctor_report(report, "setting", DBM_HEALTH_WARNING,
							  psprintf("%s is on", dbm_setting_definitions[weakening[at]].name),
							  psprintf("Run SELECT dbm_configure('%s', NULL).",
									   dbm_setting_definitions[weakening[at]].name));
	}
	if (!dbm_setting_bool(DBM_SETTING_ROLLBACK_PROOF))
		dbm_doctor_report(report, "setting", DBM_HEALTH_WARNING, "rollback_proof is off",
						  "Run SELECT dbm_configure('rollback_proof', NULL).");
}

static void
check_publication(DbmDoctorReport *report)
{
	char *name = dbm_publication_of_all_tables();

	dbm_doctor_report(report, "publication", name ? DBM_HEALTH_WARNING : DBM_HEALTH_OK,
					  name ? psprintf("publication \"%s\" is FOR ALL TABLES", name)
						   : "no publication is FOR ALL TABLES",
					  name ? "Publish the application's schemas instead." : NULL);
}

static Oid
database_owner(void)
{
	HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for database %u", MyDatabaseId);
	owner = ((Form_pg_database) GETSTRUCT(tuple))->datdba;
	ReleaseSysCache(tuple);
	return owner;
}

static void
check_backup(DbmDoctorReport *report)
{
	Oid owner = database_owner();
	bool able = dbm_capability_has(owner, DBM_CAPABILITY_BACKUP);
	char *name = GetUserNameFromId(owner, true);

	dbm_doctor_report(report, "backup", able ? DBM_HEALTH_OK : DBM_HEALTH_WARNING,
					  psprintf("database owner \"%s\" %s", name ? name : "",
							   able ? "can dump dbmaestro's tables"
									: "cannot dump dbmaestro's tables: pg_dump fails"),
					  able ? NULL
						   : psprintf("Run SELECT dbm_grant('backup', '%s').", name ? name : ""));
}

static bool
creates_roles(Form_pg_authid role)
{
	return role->rolcreaterole;
}

static bool
writes_all_data(Form_pg_authid role)
{
	return is_member_of_role(role->oid, ROLE_PG_WRITE_ALL_DATA);
}

static bool
maintains_all_tables(Form_pg_authid role)
{
	return is_member_of_role(role->oid, DBM_ROLE_MAINTAIN);
}

static bool
reads_all_data(Form_pg_authid role)
{
	return is_member_of_role(role->oid, ROLE_PG_READ_ALL_DATA);
}

static bool
touches_files(Form_pg_authid role)
{
	return is_member_of_role(role->oid, ROLE_PG_WRITE_SERVER_FILES) ||
		   is_member_of_role(role->oid, ROLE_PG_EXECUTE_SERVER_PROGRAM);
}

typedef struct Power
{
	const char *check;
	bool (*holds)(Form_pg_authid role);
	const char *finding;
	const char *advice;
} Power;

static const Power powers[] = {
	{"createrole", creates_roles, "roles with CREATEROLE",
	 "Before PostgreSQL 16 they can grant themselves any role that is not a superuser's."},
	{"write all data", writes_all_data, "members of pg_write_all_data",
	 "They can lock rows of dbmaestro's tables, and whole tables where the hook on utility "
	 "statements is not installed, though not write to them.  Grant rights on the application's "
	 "tables instead."},
	{"maintain", maintains_all_tables, "members of pg_maintain",
	 "They can keep deployments waiting with CLUSTER, VACUUM FULL or REINDEX of dbmaestro's "
	 "tables.  Grant MAINTAIN on the application's tables instead."},
	{"read all data", reads_all_data, "members of pg_read_all_data",
	 "They can read every script and the audit trail."},
	{"server files", touches_files, "members of pg_write_server_files or pg_execute_server_program",
	 "They can do what a superuser can."},
};

/* Counts the superusers and notes, for each power, the other roles that hold it. */
static int
look_at_roles(StringInfo holders)
{
	Relation relation = table_open(AuthIdRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;
	int superusers = 0;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_authid role = (Form_pg_authid) GETSTRUCT(tuple);

		superusers += role->rolsuper && role->rolcanlogin ? 1 : 0;
		/* predefined roles hold what they are made for */
		if (role->rolsuper || role->oid < FirstNormalObjectId)
			continue;
		for (int at = 0; at < lengthof(powers); at++)
		{
			if (powers[at].holds(role))
				appendStringInfo(&holders[at], "%s%s", holders[at].len > 0 ? ", " : "",
								 NameStr(role->rolname));
		}
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return superusers;
}

static void
check_roles(DbmDoctorReport *report)
{
	StringInfoData holders[lengthof(powers)];
	int superusers;

	for (int at = 0; at < lengthof(powers); at++)
		initStringInfo(&holders[at]);
	superusers = look_at_roles(holders);
	dbm_doctor_report(report, "superusers", superusers > 1 ? DBM_HEALTH_INFO : DBM_HEALTH_OK,
					  psprintf("%d superusers can log in; each has every capability", superusers),
					  NULL);
	for (int at = 0; at < lengthof(powers); at++)
	{
		if (holders[at].len > 0)
			dbm_doctor_report(report, powers[at].check, DBM_HEALTH_WARNING,
							  psprintf("%s: %s", powers[at].finding, holders[at].data),
							  powers[at].advice);
	}
}

static void
check_logging(DbmDoctorReport *report)
{
	const char *log_statement = GetConfigOption("log_statement", false, false);
	const char *duration = GetConfigOption("log_min_duration_statement", false, false);
	bool copies = (strcmp(log_statement, "none") != 0 && strcmp(log_statement, "ddl") != 0) ||
				  strcmp(duration, "-1") != 0;

	dbm_doctor_report(
		report, "logging", copies ? DBM_HEALTH_WARNING : DBM_HEALTH_OK,
		psprintf("log_statement = %s, log_min_duration_statement = %s", log_statement, duration),
		copies ? "The server log copies scripts that are sent as literals." : NULL);
}

static void
check_records(DbmDoctorReport *report)
{
	int waiting = dbm_durable_waiting();
	int broken = dbm_durable_broken();
	int64 lost = dbm_durable_lost();

	dbm_doctor_report(report, "records waiting", waiting > 0 ? DBM_HEALTH_WARNING : DBM_HEALTH_OK,
					  psprintf("%d records of refusals wait to be moved into audit_event", waiting),
					  waiting > 0 ? "Raise max_worker_processes if this lasts." : NULL);
	dbm_doctor_report(report, "records unreadable", broken > 0 ? DBM_HEALTH_ERROR : DBM_HEALTH_OK,
					  psprintf("%d records of refusals cannot be read", broken),
					  broken > 0 ? "Look at the .broken files in the folder dbmaestro of the data "
								   "directory."
								 : NULL);
	dbm_doctor_report(report, "records lost", lost > 0 ? DBM_HEALTH_ERROR : DBM_HEALTH_OK,
					  psprintf(INT64_FORMAT " records could not be written", lost),
					  lost > 0 ? "They are in the server log; free space in the data directory."
							   : NULL);
	if (dbm_durable_broken() > 0)
		dbm_doctor_report(
			report, "records broken", DBM_HEALTH_ERROR,
			psprintf("%d records of refusals cannot be read", dbm_durable_broken()),
			"Look at the files *.broken in the folder dbmaestro of the data directory.");
}

/* What every answer about this database is read from. */
static const DbmTable *const foundations[] = {
	&dbm_environment_table,
	&dbm_binding_table,
	&dbm_setting_table,
};

static void
check_foundations(DbmDoctorReport *report)
{
	for (int at = 0; at < lengthof(foundations); at++)
		dbm_doctor_report_table(report, foundations[at]);
}

static void
check_tables(DbmDoctorReport *report)
{
	static const DbmTable *const tables[] = {
		&dbm_capability_table,	  &dbm_audit_event_table,	  &dbm_snapshot_table,
		&dbm_schema_object_table, &dbm_snapshot_object_table, &dbm_schema_saved_table,
	};

	check_foundations(report);
	for (int at = 0; at < lengthof(tables); at++)
		dbm_doctor_report_table(report, tables[at]);
}

static bool
foundations_are_as_made(void)
{
	for (int at = 0; at < lengthof(foundations); at++)
	{
		if (dbm_table_difference(foundations[at]))
			return false;
	}
	return true;
}

void
dbm_doctor_report_table(DbmDoctorReport *report, const DbmTable *table)
{
	char *difference = dbm_table_difference(table);

	dbm_doctor_report(report, psprintf("table %s", table->name),
					  difference ? DBM_HEALTH_ERROR : DBM_HEALTH_OK,
					  difference ? difference : "as made",
					  difference ? "Put it back; until then nothing is recorded in it." : NULL);
}

static const DbmDoctorCheck checks[] = {
	check_version, check_server,   check_tier,    check_identity,    check_guard,
	check_run_as,  check_settings, check_tables,  check_publication, dbm_replication_check_in,
	check_backup,  check_roles,    check_logging, check_records,
};

static Datum
doctor_body(PG_FUNCTION_ARGS)
{
	DbmDoctorReport report;

	dbm_capability_require_any("dbm_doctor");
	dbm_init_set_result(fcinfo);
	report.result = (ReturnSetInfo *) fcinfo->resultinfo;
	for (int at = 0; at < lengthof(checks); at++)
		checks[at](&report);
	for (int at = 0; at < nregistered; at++)
		registered[at](&report);
	return (Datum) 0;
}

/*
 * Where even the tables that dbm_audit_call reads are not as made, everything
 * else is refused with the advice to look here.
 */
static Datum
report_foundations(FunctionCallInfo fcinfo)
{
	DbmDoctorReport report;

	dbm_init_set_result(fcinfo);
	report.result = (ReturnSetInfo *) fcinfo->resultinfo;
	check_foundations(&report);
	return (Datum) 0;
}

Datum
dbm_doctor(PG_FUNCTION_ARGS)
{
	if (superuser() && !foundations_are_as_made())
		return report_foundations(fcinfo);
	return dbm_audit_call(fcinfo, "dbm_doctor", doctor_body);
}
