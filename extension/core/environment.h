/*
 * core/environment.h: the tables environment, binding and setting
 *
 * One row says which environment this database is, one row which database it
 * was when that was said, and a row per configured setting.  What they add up
 * to is asked through core/installed.h and core/settings.h.
 */
#ifndef DBM_CORE_ENVIRONMENT_H
#define DBM_CORE_ENVIRONMENT_H

#include "core/table.h"

extern const DbmTable dbm_environment_table;
extern const DbmTable dbm_binding_table;
extern const DbmTable dbm_setting_table;

typedef enum DbmEnvironmentColumn
{
	DBM_ENVIRONMENT_SINGLE,
	DBM_ENVIRONMENT_NAME,
	DBM_ENVIRONMENT_FOLLOWS,
	DBM_ENVIRONMENT_RUN_AS,
	DBM_ENVIRONMENT_RUN_AS_NAME,
	DBM_ENVIRONMENT_GUARD,
	DBM_ENVIRONMENT_INITIALISED_AT,
	DBM_ENVIRONMENT_INITIALISED_BY,
	DBM_ENVIRONMENT_COLUMNS
} DbmEnvironmentColumn;

typedef enum DbmBindingColumn
{
	DBM_BINDING_SINGLE,
	DBM_BINDING_SYSTEM_IDENTIFIER,
	DBM_BINDING_DATABASE,
	DBM_BINDING_TIMELINES,
	DBM_BINDING_INSTANCE,
	DBM_BINDING_INCARNATION,
	DBM_BINDING_REASON,
	DBM_BINDING_BOUND_AT,
	DBM_BINDING_BOUND_BY,
	DBM_BINDING_COLUMNS
} DbmBindingColumn;

typedef enum DbmSettingColumn
{
	DBM_SETTING_KEY,
	DBM_SETTING_VALUE,
	DBM_SETTING_SINCE,
	DBM_SETTING_SET_BY,
	DBM_SETTING_COLUMNS
} DbmSettingColumn;

/* Reads the row of environment; false before dbm_init. */
extern bool dbm_environment_read(DbmRow *row, ItemPointer tid);

/* Writes the row of environment, new or in place of the present one. */
extern void dbm_environment_write(const DbmRow *row);

/* Sets the guard mode of the environment's row; raises before dbm_init. */
extern void dbm_environment_set_guard(int mode);

/* Reads the row of binding; false in a restored copy. */
extern bool dbm_binding_read(DbmRow *row, ItemPointer tid);

/* Binds the environment to this database, server and timeline, as of now. */
extern void dbm_binding_write(const char *reason);

/* Identifiers of this database as binding holds them; palloc'd text. */
extern char *dbm_system_identifier(void);
extern char *dbm_timeline_history(void);

/* Writes or, with value NULL, removes a setting; returns the value before. */
extern char *dbm_setting_write(const char *key, const char *value);

#endif							/* DBM_CORE_ENVIRONMENT_H */
