/*
 * cli/config.h: dbmaestro.conf
 */
#ifndef DBM_CLI_CONFIG_H
#define DBM_CLI_CONFIG_H

/* One environment, in the words of the configuration. */
typedef struct Environment
{
	char *name;
	char *conninfo;				/* or service */
	char *service;
	char *follows;				/* NULL: the first of the pipeline */
	char *run_as;				/* role that scripts run as, or NULL: for init */
	char *grants;				/* capability:role, ...; or NULL: for init */
} Environment;

typedef struct Config
{
	char *file;					/* NULL: everything comes from flags and variables */
	char *directory;			/* where it is: paths are relative to this */
	char *project;
	char *migrations;			/* folders */
	char *rollbacks;
	char *repeatables;
	char *style;
	char *script;				/* patterns, see naming.h */
	char *rollback;
	char *repeatable;
	char *order;
	char *pattern;
	Environment *environments;	/* in the order of the file */
	int environment_count;
} Config;

/*
 * Reads the configuration, found here or above, and what overrides it.  Ends
 * the program for anything in it that is not right.
 */
extern const Config *config_load(void);

/* The environment of that name; ends the program if there is none. */
extern const Environment *config_environment(const Config *config, const char *name);

/*
 * Takes the next capability and role off a list of grants; false at its end.
 * Both are in new memory.
 */
extern bool config_next_grant(const char **grants, char **capability, char **role);

/* Calls the function for each key, as people write it. */
extern void config_each_key(void (*act)(void *context, const char *key, const char *help),
							void *context);

/* Prints every key, for the help. */
extern void config_print_keys(void);

#endif							/* DBM_CLI_CONFIG_H */
