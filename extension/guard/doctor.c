/*
 * guard/doctor.c: are the doors in place, and who else stands at them?
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_event_trigger.h"
#include "commands/trigger.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/installed.h"
#include "guard/doctor.h"
#include "pipeline/doctor.h"

typedef struct Door
{
	const char *trigger;
	const char *event;
	const char *function;
} Door;

static const Door doors[] = {
	{"dbmaestro_10_start", "ddl_command_start", "_dbm_ddl_start"},
	{"dbmaestro_20_end", "ddl_command_end", "_dbm_ddl_end"},
	{"dbmaestro_30_drop", "sql_drop", "_dbm_ddl_drop"},
};

static bool hook_is_installed = false;

static bool
calls_ours(const FormData_pg_event_trigger *trigger, const char *function)
{
	char *name = get_func_name(trigger->evtfoid);

	return name && strcmp(name, function) == 0 &&
		   get_func_namespace(trigger->evtfoid) == dbm_tables_namespace();
}

/* NULL if the event trigger is as made, else what is wrong. */
static const char *
find_fault(const Door *door)
{
	HeapTuple tuple = SearchSysCache1(EVENTTRIGGERNAME, CStringGetDatum(door->trigger));
	const FormData_pg_event_trigger *trigger;
	const char *fault = NULL;

	if (!HeapTupleIsValid(tuple))
		return "it does not exist";
	trigger = (Form_pg_event_trigger) GETSTRUCT(tuple);
	if (trigger->evtenabled == TRIGGER_DISABLED)
		fault = "it is disabled";
	else if (trigger->evtenabled != TRIGGER_FIRES_ALWAYS)
		fault = "it does not fire where session_replication_role is replica";
	else if (strcmp(NameStr(trigger->evtevent), door->event) != 0 ||
			 !calls_ours(trigger, door->function))
		fault = "it is not the one that CREATE EXTENSION made";
	ReleaseSysCache(tuple);
	return fault;
}

static void
check_event_triggers(DbmDoctorReport *report)
{
	for (int at = 0; at < lengthof(doors); at++)
	{
		const char *fault = find_fault(&doors[at]);

		dbm_doctor_report(report, psprintf("event trigger %s", doors[at].trigger),
						  fault ? DBM_HEALTH_ERROR : DBM_HEALTH_OK, fault ? fault : "fires always",
						  fault
							  ? psprintf("Run ALTER EVENT TRIGGER %s ENABLE ALWAYS, or create the "
										 "extension anew.",
										 doors[at].trigger)
							  : NULL);
	}
}

/* 17 and later can switch all event triggers off. */
static void
check_event_triggers_setting(DbmDoctorReport *report)
{
	const char *value = GetConfigOption("event_triggers", true, false);

	if (value == NULL)
		return;
	dbm_doctor_report(report, "event_triggers",
					  strcmp(value, "on") == 0 ? DBM_HEALTH_OK : DBM_HEALTH_ERROR,
					  psprintf("event_triggers = %s", value),
					  strcmp(value, "on") == 0 ? NULL : "Set event_triggers to on.");
}

static void
check_hook(DbmDoctorReport *report)
{
	dbm_doctor_report(report, "hook on utility statements",
					  hook_is_installed ? DBM_HEALTH_OK : DBM_HEALTH_WARNING,
					  hook_is_installed ? "installed in this session" : "not installed",
					  hook_is_installed
						  ? NULL
						  : "See the row \"tier\"; without it roles, databases, event "
							"triggers, EXPLAIN ANALYZE CREATE TABLE AS and LOCK TABLE on "
							"dbmaestro's tables pass.");
}

static bool
is_ours(const char *name)
{
	for (int at = 0; at < lengthof(doors); at++)
	{
		if (strcmp(doors[at].trigger, name) == 0)
			return true;
	}
	return false;
}

/* Event triggers of others see each command before or after ours, with the caller's rights. */
static void
check_foreign_triggers(DbmDoctorReport *report)
{
	Relation relation = table_open(EventTriggerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	StringInfoData names;
	HeapTuple tuple;

	initStringInfo(&names);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_event_trigger trigger = (Form_pg_event_trigger) GETSTRUCT(tuple);

		if (!is_ours(NameStr(trigger->evtname)))
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", NameStr(trigger->evtname));
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	if (names.len > 0)
		dbm_doctor_report(report, "other event triggers", DBM_HEALTH_INFO, names.data,
						  "They run in every command, also in those of a run.");
}

void
dbm_guard_doctor_init(bool hook_installed)
{
	hook_is_installed = hook_installed;
	dbm_doctor_register(check_event_triggers);
	dbm_doctor_register(check_event_triggers_setting);
	dbm_doctor_register(check_hook);
	dbm_doctor_register(check_foreign_triggers);
}
