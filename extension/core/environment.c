/*
 * core/environment.c: rows of environment, binding and setting
 */
#include "postgres.h"

#include "access/timeline.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "core/environment.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/settings.h"

static const DbmColumn environment_columns[DBM_ENVIRONMENT_COLUMNS] = {
	[DBM_ENVIRONMENT_SINGLE] = {"single", BOOLOID},
	[DBM_ENVIRONMENT_NAME] = {"name", TEXTOID},
	[DBM_ENVIRONMENT_FOLLOWS] = {"follows", TEXTOID},
	[DBM_ENVIRONMENT_RUN_AS] = {"run_as", OIDOID},
	[DBM_ENVIRONMENT_RUN_AS_NAME] = {"run_as_name", TEXTOID},
	[DBM_ENVIRONMENT_GUARD] = {"guard", TEXTOID},
	[DBM_ENVIRONMENT_INITIALISED_AT] = {"initialised_at", TIMESTAMPTZOID},
	[DBM_ENVIRONMENT_INITIALISED_BY] = {"initialised_by", TEXTOID},
};

static const DbmColumn binding_columns[DBM_BINDING_COLUMNS] = {
	[DBM_BINDING_SINGLE] = {"single", BOOLOID},
	[DBM_BINDING_SYSTEM_IDENTIFIER] = {"system_identifier", TEXTOID},
	[DBM_BINDING_DATABASE] = {"database", OIDOID},
	[DBM_BINDING_TIMELINES] = {"timelines", TEXTOID},
	[DBM_BINDING_INSTANCE] = {"instance", TEXTOID},
	[DBM_BINDING_INCARNATION] = {"incarnation", UUIDOID},
	[DBM_BINDING_REASON] = {"reason", TEXTOID},
	[DBM_BINDING_BOUND_AT] = {"bound_at", TIMESTAMPTZOID},
	[DBM_BINDING_BOUND_BY] = {"bound_by", TEXTOID},
};

static const DbmColumn setting_columns[DBM_SETTING_COLUMNS] = {
	[DBM_SETTING_KEY] = {"key", TEXTOID},
	[DBM_SETTING_VALUE] = {"value", TEXTOID},
	[DBM_SETTING_SINCE] = {"since", TIMESTAMPTZOID},
	[DBM_SETTING_SET_BY] = {"set_by", TEXTOID},
};

const DbmTable dbm_environment_table = {"environment", environment_columns, DBM_ENVIRONMENT_COLUMNS,
										"environment_pkey", NULL};
const DbmTable dbm_binding_table = {"binding", binding_columns, DBM_BINDING_COLUMNS, "binding_pkey",
									NULL};
const DbmTable dbm_setting_table = {"setting", setting_columns, DBM_SETTING_COLUMNS, "setting_pkey",
									NULL};

static bool
read_single_row(const DbmTable *table, DbmRow *row, ItemPointer tid)
{
	DbmScan *scan = dbm_scan_begin(table, NULL, 0, NULL);
	bool found = dbm_scan_next(scan, row);

	if (found)
	{
		dbm_row_copy(row);
		if (tid)
			*tid = dbm_scan_tid(scan);
	}
	dbm_scan_end(scan);
	return found;
}

/* Puts a row in place of the one the table holds, if it holds one. */
static void
write_single_row(const DbmRow *row)
{
	DbmRow *present = dbm_row_make(row->table);
	ItemPointerData tid;

	dbm_table_lock(row->table);
	if (read_single_row(row->table, present, &tid))
		dbm_table_update(row, &tid);
	else
		dbm_table_insert(row);
	dbm_environment_changed();
}

bool
dbm_environment_read(DbmRow *row, ItemPointer tid)
{
	return read_single_row(&dbm_environment_table, row, tid);
}

void
dbm_environment_write(const DbmRow *row)
{
	write_single_row(row);
}

void
dbm_environment_set_guard(int mode)
{
	DbmRow *row = dbm_row_make(&dbm_environment_table);
	ItemPointerData tid;

	dbm_table_lock(&dbm_environment_table);
	dbm_require_initialised();
	if (!dbm_environment_read(row, &tid))
		elog(ERROR, "the row of dbmaestro.environment is gone");
	dbm_row_set_text(row, DBM_ENVIRONMENT_GUARD, dbm_guard_mode_name(mode));
	dbm_table_update(row, &tid);
	dbm_environment_changed();
}

bool
dbm_binding_read(DbmRow *row, ItemPointer tid)
{
	return read_single_row(&dbm_binding_table, row, tid);
}

char *
dbm_system_identifier(void)
{
	return psprintf(UINT64_FORMAT, GetSystemIdentifier());
}

/*
 * The timelines this server came through, oldest first, each with the position
 * where it left the one before: two servers that went separate ways differ.
 */
char *
dbm_timeline_history(void)
{
	StringInfoData text;
	List *entries = readTimeLineHistory(GetWALInsertionTimeLine());

	initStringInfo(&text);
	for (int at = list_length(entries) - 1; at >= 0; at--)
	{
		TimeLineHistoryEntry *entry = list_nth(entries, at);

		appendStringInfo(&text, "%s%u", text.len > 0 ? " " : "", entry->tli);
		if (!XLogRecPtrIsInvalid(entry->begin))
			appendStringInfo(&text, "@%X/%X", LSN_FORMAT_ARGS(entry->begin));
	}
	return text.data;
}

void
dbm_binding_write(const char *reason)
{
	DbmRow *row = dbm_row_make(&dbm_binding_table);
	pg_uuid_t *incarnation = palloc(sizeof(pg_uuid_t));

	if (!pg_strong_random(incarnation->data, UUID_LEN))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
	incarnation->data[6] = (incarnation->data[6] & 0x0f) | 0x40;
	incarnation->data[8] = (incarnation->data[8] & 0x3f) | 0x80;

	dbm_row_set(row, DBM_BINDING_SINGLE, BoolGetDatum(true));
	dbm_row_set_text(row, DBM_BINDING_SYSTEM_IDENTIFIER, dbm_system_identifier());
	dbm_row_set(row, DBM_BINDING_DATABASE, ObjectIdGetDatum(MyDatabaseId));
	dbm_row_set_text(row, DBM_BINDING_TIMELINES, dbm_timeline_history());
	dbm_row_set_text(row, DBM_BINDING_INSTANCE, dbm_instance());
	dbm_row_set(row, DBM_BINDING_INCARNATION, UUIDPGetDatum(incarnation));
	dbm_row_set_text(row, DBM_BINDING_REASON, reason);
	dbm_row_set(row, DBM_BINDING_BOUND_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_text(row, DBM_BINDING_BOUND_BY, GetUserNameFromId(GetAuthenticatedUserId(), true));
	write_single_row(row);
}

char *
dbm_setting_write(const char *key, const char *value)
{
	DbmRow *row = dbm_row_make(&dbm_setting_table);
	DbmRow *present = dbm_row_make(&dbm_setting_table);
	ItemPointerData tid;
	bool found;

	dbm_table_lock(&dbm_setting_table);
	found = dbm_table_get_text(&dbm_setting_table, key, present, &tid);

	dbm_row_set_text(row, DBM_SETTING_KEY, key);
	dbm_row_set_text(row, DBM_SETTING_VALUE, value);
	dbm_row_set(row, DBM_SETTING_SINCE, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_text(row, DBM_SETTING_SET_BY, GetUserNameFromId(GetAuthenticatedUserId(), true));
	if (value == NULL && found)
		dbm_table_delete(&dbm_setting_table, &tid);
	else if (value && found)
		dbm_table_update(row, &tid);
	else if (value)
		dbm_table_insert(row);
	dbm_environment_changed();
	return found ? dbm_row_text(present, DBM_SETTING_VALUE) : NULL;
}
