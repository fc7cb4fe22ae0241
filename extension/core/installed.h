/*
 * core/installed.h: what this database is: is dbmaestro installed here, which
 * environment is it, is it still the database it was
 *
 * The answers are cached per backend and dropped when one of the tables behind
 * them changes, so asking costs nothing on hot paths.
 */
#ifndef DBM_CORE_INSTALLED_H
#define DBM_CORE_INSTALLED_H

typedef enum DbmGuardMode
{
	DBM_GUARD_OFF = 0,
	DBM_GUARD_OBSERVE,
	DBM_GUARD_ENFORCE
} DbmGuardMode;

typedef enum DbmIdentity
{
	DBM_IDENTITY_ATTACHED = 0,
	DBM_IDENTITY_UNCONFIRMED,	/* same database, grown timeline */
	DBM_IDENTITY_DETACHED,		/* bound to another system identifier or database oid */
	DBM_IDENTITY_UNBOUND		/* an environment row but no binding: restored from a dump */
} DbmIdentity;

typedef struct DbmEnvironment
{
	bool		initialised;	/* dbm_init has run */
	const char *name;			/* environment, or NULL */
	const char *follows;		/* the environment before this one, or NULL */
	Oid			run_as;			/* role whose objects these are, or InvalidOid */
	const char *run_as_name;	/* its name as configured; set but no run_as: the role is gone */
	DbmGuardMode guard;			/* as configured */
	DbmGuardMode guard_in_force;	/* after detached and binary upgrade are considered */
	DbmIdentity identity;
} DbmEnvironment;

/* Is the extension installed in this database (and are we in a transaction to see it)? */
extern bool dbm_installed(void);

/* Oid of the extension, of schema dbmaestro and of the schema of the functions. */
extern Oid	dbm_extension_oid(void);
extern Oid	dbm_tables_namespace(void);
extern Oid	dbm_functions_namespace(void);

/* Version of the installed extension, which may not be the library's. */
extern const char *dbm_extension_version(void);

/* Role that owns the extension. */
extern Oid	dbm_extension_owner(void);

/* Returns the cached facts; never NULL; valid until the next command. */
extern const DbmEnvironment *dbm_environment(void);

/* Raises ERRCODE_DBM_VERSION_MISMATCH if library and installed SQL differ. */
extern void dbm_require_same_version(void);

/* Raises unless dbm_init has run (ERRCODE_DBM_NOT_INITIALISED). */
extern void dbm_require_initialised(void);

/* Raises ERRCODE_DBM_DETACHED in a copy; subject names the refused act. */
extern void dbm_require_attached(const char *subject);

/* Forget the cached facts (after writing the tables behind them). */
extern void dbm_environment_changed(void);

/* Names of modes, for messages and tables. */
extern const char *dbm_guard_mode_name(DbmGuardMode mode);
extern const char *dbm_identity_name(DbmIdentity identity);

extern void dbm_installed_init(void);

#endif							/* DBM_CORE_INSTALLED_H */
