/*
 * core/settings.h: the settings of an environment (table dbmaestro.setting,
 * written by dbm_configure) and of the server (configuration file)
 *
 * No setting that a session can change takes part in a decision.
 */
#ifndef DBM_CORE_SETTINGS_H
#define DBM_CORE_SETTINGS_H

typedef enum DbmSetting
{
	DBM_SETTING_ALLOW_EMPTY,
	DBM_SETTING_ALLOW_PRIOR_WRITES,
	DBM_SETTING_ALLOW_RESET,
	DBM_SETTING_ALLOW_SECRETS,
	DBM_SETTING_CANCEL_AUTOVACUUM,
	DBM_SETTING_CANCEL_IDLE_IN_TRANSACTION,
	DBM_SETTING_CHANGE_NAME_PATTERN,
	DBM_SETTING_DENIED_WAIT,
	DBM_SETTING_LOCK_RETRIES,
	DBM_SETTING_LOCK_RETRY_DEADLINE,
	DBM_SETTING_LOCK_RETRY_DELAY,
	DBM_SETTING_LOCK_TIMEOUT,
	DBM_SETTING_PERMIT_EXPIRY,
	DBM_SETTING_ROLLBACK_PROOF,
	DBM_SETTING_SEARCH_PATH,
	DBM_SETTING_SNAPSHOT,
	DBM_SETTING_COUNT
} DbmSetting;

typedef enum DbmSettingType
{
	DBM_BOOLEAN,
	DBM_TEXT,
	DBM_MILLISECONDS,			/* of a wait that the server itself sees to */
	DBM_DURATION,				/* "off" is 0 */
	DBM_COUNT
} DbmSettingType;

typedef struct DbmSettingDefinition
{
	const char *name;
	DbmSettingType type;
	const char *initial;		/* value when nobody has configured it */
	const char *description;
} DbmSettingDefinition;

extern const DbmSettingDefinition dbm_setting_definitions[DBM_SETTING_COUNT];

/* Finds a setting by name, -1 if there is none. */
extern int	dbm_setting_find(const char *name);

/* Checks a value for a setting; raises 22023 with what is accepted. */
extern void dbm_setting_check(DbmSetting setting, const char *value);

/* Values in force in this database (cached; valid until the next command). */
extern bool dbm_setting_bool(DbmSetting setting);
extern int	dbm_setting_milliseconds(DbmSetting setting);
extern int	dbm_setting_count(DbmSetting setting);
extern const char *dbm_setting_text(DbmSetting setting);

/* Reads the configured values again into the context; called with the environment. */
extern void dbm_settings_reload(MemoryContext context);

/* Value of the postmaster setting dbmaestro.instance, or "" */
extern const char *dbm_instance(void);

/* Which tier this backend works in: "events", "session" or "server". */
extern const char *dbm_tier(void);

extern void dbm_settings_init(void);

#endif							/* DBM_CORE_SETTINGS_H */
