/*
 * core/settings.c: settings of the environment and of the server
 */
#include "postgres.h"

#include "miscadmin.h"
#include "regex/regex.h"
#include "catalog/pg_collation.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "core/environment.h"
#include "core/installed.h"
#include "core/settings.h"

/*
 * Whoever waits does so in front of a client, with the locks that its
 * transaction took before.
 */
#define LONGEST_WAIT_MS 10000

/* Longer than this nobody means to wait. */
#define LONGEST_DURATION_MS (24 * 60 * 60 * 1000)
#define GREATEST_COUNT 1000

const DbmSettingDefinition dbm_setting_definitions[DBM_SETTING_COUNT] = {
	[DBM_SETTING_ALLOW_EMPTY] = {"allow_empty", DBM_BOOLEAN, "off",
								 "accept scripts without a statement"},
	[DBM_SETTING_ALLOW_PRIOR_WRITES] =
		{"allow_prior_writes", DBM_BOOLEAN, "off",
		 "accept dbm_apply in a transaction that has already written something else"},
	[DBM_SETTING_ALLOW_RESET] = {"allow_reset", DBM_BOOLEAN, "off",
								 "let dbm_reset drop everything in this database but dbmaestro"},
	[DBM_SETTING_ALLOW_SECRETS] = {"allow_secrets", DBM_BOOLEAN, "off",
								   "accept scripts that hold passwords as literals"},
	[DBM_SETTING_CANCEL_AUTOVACUUM] =
		{"cancel_autovacuum", DBM_BOOLEAN, "off",
		 "cancel autovacuum workers that keep a change from a lock, but for those against wraparound"},
	[DBM_SETTING_CANCEL_IDLE_IN_TRANSACTION] =
		{"cancel_idle_in_transaction", DBM_DURATION, "off",
		 "terminate sessions that keep a change from a lock and have been idle in their transaction so long"},
	[DBM_SETTING_CHANGE_NAME_PATTERN] = {"change_name_pattern", DBM_TEXT,
										 "^\\d{8}_\\d{6}_[a-z0-9_]+$",
										 "regular expression that names of changes match"},
	[DBM_SETTING_DENIED_WAIT] = {"denied_wait", DBM_MILLISECONDS, "2000",
								 "longest wait for the record of a refusal to reach the table, ms"},
	[DBM_SETTING_LOCK_RETRIES] = {"lock_retries", DBM_COUNT, "10",
								  "how often a change that could not get a lock is tried again"},
	[DBM_SETTING_LOCK_RETRY_DEADLINE] = {"lock_retry_deadline", DBM_DURATION, "10min",
										 "no further attempt begins so long after the first one"},
	[DBM_SETTING_LOCK_RETRY_DELAY] =
		{"lock_retry_delay", DBM_DURATION, "500ms",
		 "pause before the second attempt; it doubles with each one, up to half a minute"},
	[DBM_SETTING_LOCK_TIMEOUT] = {"lock_timeout", DBM_DURATION, "2s",
								  "longest wait of a statement of a change for a lock"},
	[DBM_SETTING_PERMIT_EXPIRY] = {"permit_expiry", DBM_DURATION, "30s",
								   "longest time from the permit for a step to its start, ms"},
	[DBM_SETTING_ROLLBACK_PROOF] =
		{"rollback_proof", DBM_BOOLEAN, "on",
		 "refuse a rollback that does not restore the schema that was there"},
	[DBM_SETTING_SEARCH_PATH] = {"search_path", DBM_TEXT, "\"$user\", public",
								 "search_path that every script starts with"},
	[DBM_SETTING_SNAPSHOT] = {"snapshot", DBM_BOOLEAN, "on",
							  "record the schema before and after every run"},
};

static const char *configured[DBM_SETTING_COUNT];
static char *instance = NULL;
static const char *tier = "events";

int
dbm_setting_find(const char *name)
{
	for (int setting = 0; setting < DBM_SETTING_COUNT; setting++)
	{
		if (strcmp(dbm_setting_definitions[setting].name, name) == 0)
			return setting;
	}
	return -1;
}

static void
check_pattern(const char *value)
{
	int length = strlen(value);
	pg_wchar *wide = palloc((length + 1) * sizeof(pg_wchar));
	regex_t regex;
	int wide_length = pg_mb2wchar_with_len(value, wide, length);
	int result = pg_regcomp(&regex, wide, wide_length, REG_ADVANCED | REG_NOSUB, C_COLLATION_OID);
	char message[100];

	if (result != REG_OKAY)
	{
		pg_regerror(result, &regex, message, sizeof(message));
		ereport(ERROR, (errcode(ERRCODE_INVALID_REGULAR_EXPRESSION),
						errmsg("invalid regular expression: %s", message),
						errhint("Give for instance '^\\d{8}_\\d{6}_[a-z0-9_]+$'.")));
	}
	pg_regfree(&regex);
}

static void
check_schema_list(const char *value)
{
	List *names;
	char *copy = pstrdup(value);

	if (!SplitIdentifierString(copy, ',', &names))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for setting \"search_path\": \"%s\"", value),
						errhint("Give a list of schema names separated by commas.")));
	list_free(names);
}

/* In milliseconds; "off" is 0. */
static bool
parse_duration(const char *value, int *milliseconds)
{
	bool boolean;

	if (parse_bool(value, &boolean) && !boolean)
	{
		*milliseconds = 0;
		return true;
	}
	return parse_int(value, milliseconds, GUC_UNIT_MS, NULL) && *milliseconds >= 0 &&
		   *milliseconds <= LONGEST_DURATION_MS;
}

static bool
parse_count(const char *value, int *count)
{
	return parse_int(value, count, 0, NULL) && *count >= 0 && *count <= GREATEST_COUNT;
}

void
dbm_setting_check(DbmSetting setting, const char *value)
{
	const DbmSettingDefinition *definition = &dbm_setting_definitions[setting];
	bool boolean;
	int number;
	const char *hint;

	switch (definition->type)
	{
		case DBM_BOOLEAN:
			if (!parse_bool(value, &boolean))
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								errmsg("invalid value for setting \"%s\": \"%s\"", definition->name,
									   value),
								errhint("Give on or off.")));
			break;
		case DBM_MILLISECONDS:
			if (!parse_int(value, &number, GUC_UNIT_MS, &hint) || number < 0 ||
				number > LONGEST_WAIT_MS)
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								errmsg("invalid value for setting \"%s\": \"%s\"", definition->name,
									   value),
								errhint("Give a time such as 2s or 500ms, at most %d s.",
										LONGEST_WAIT_MS / 1000)));
			break;
		case DBM_DURATION:
			if (!parse_duration(value, &number))
				ereport(
					ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid value for setting \"%s\": \"%s\"", definition->name, value),
					 errhint("Give a time such as 500ms, 2s or 10min, at most 24h, or off.")));
			break;
		case DBM_COUNT:
			if (!parse_count(value, &number))
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								errmsg("invalid value for setting \"%s\": \"%s\"", definition->name,
									   value),
								errhint("Give a number from 0 to %d.", GREATEST_COUNT)));
			break;
		case DBM_TEXT:
			if (setting == DBM_SETTING_CHANGE_NAME_PATTERN)
				check_pattern(value);
			if (setting == DBM_SETTING_SEARCH_PATH)
				check_schema_list(value);
			break;
	}
}

void
dbm_settings_reload(MemoryContext context)
{
	DbmRow *row = dbm_row_make(&dbm_setting_table);
	DbmScan *scan;
	const char *values[DBM_SETTING_COUNT] = {NULL};

	/* after an error nothing may be left that points into a context that is gone */
	memset(configured, 0, sizeof(configured));
	scan = dbm_scan_begin(&dbm_setting_table, NULL, 0, NULL);
	while (dbm_scan_next(scan, row))
	{
		char *key = dbm_row_text(row, DBM_SETTING_KEY);
		int setting = dbm_setting_find(key);

		/* a row of another version of the library is not ours to judge */
		if (setting >= 0)
			values[setting] = MemoryContextStrdup(context, dbm_row_text(row, DBM_SETTING_VALUE));
		pfree(key);
	}
	dbm_scan_end(scan);
	pfree(row);
	memcpy(configured, values, sizeof(configured));
}

const char *
dbm_setting_text(DbmSetting setting)
{
	(void) dbm_environment();
	return configured[setting] ? configured[setting] : dbm_setting_definitions[setting].initial;
}

bool
dbm_setting_bool(DbmSetting setting)
{
	bool value = false;

	(void) parse_bool(dbm_setting_text(setting), &value);
	return value;
}

int
dbm_setting_count(DbmSetting setting)
{
	int value = 0;

	if (!parse_count(dbm_setting_text(setting), &value))
		(void) parse_count(dbm_setting_definitions[setting].initial, &value);
	return value;
}

int
dbm_setting_milliseconds(DbmSetting setting)
{
	int value = 0;

	if (dbm_setting_definitions[setting].type == DBM_DURATION)
	{
		if (!parse_duration(dbm_setting_text(setting), &value))
			(void) parse_duration(dbm_setting_definitions[setting].initial, &value);
		return value;
	}

	if (!parse_int(dbm_setting_text(setting), &value, GUC_UNIT_MS, NULL))
		(void) parse_int(dbm_setting_definitions[setting].initial, &value, GUC_UNIT_MS, NULL);
	return Min(value, LONGEST_WAIT_MS);
}

const char *
dbm_instance(void)
{
	return instance ? instance : "";
}

const char *
dbm_tier(void)
{
	return tier;
}

void
dbm_settings_init(void)
{
	if (process_shared_preload_libraries_in_progress)
	{
		tier = "server";
		DefineCustomStringVariable("dbmaestro.instance", "Names this server through failovers.",
								   "After a promotion the environment stays confirmed if the "
								   "setting is the same as when dbm_init or dbm_attach was called.",
								   &instance, "", PGC_POSTMASTER, 0, NULL, NULL, NULL);
	}
	else if (!IsNormalProcessingMode())
		/* loaded before the first command of the session: session_preload_libraries */
		tier = "session";
	MarkGUCPrefixReserved("dbmaestro");
}
