/*
 * pipeline/environment.h: what several parts of the set-up ask
 */
#ifndef DBM_PIPELINE_ENVIRONMENT_H
#define DBM_PIPELINE_ENVIRONMENT_H

/* Name of a publication FOR ALL TABLES, or NULL; palloc'd. */
extern char *dbm_publication_of_all_tables(void);

/* Raises 22023 unless name, and the one it follows (or NULL), can be environments. */
extern void dbm_environment_name_check(const char *name, const char *follows);

/* Raises unless the caller may have scripts run as this role. */
extern void dbm_run_as_check(const char *role);

#endif							/* DBM_PIPELINE_ENVIRONMENT_H */
