/*
 * core/installed.c: cached answers about this database
 *
 * Two layers: the oids of the extension (dropped when pg_namespace or our
 * tables change) and the environment read from our tables.  Invalidation
 * callbacks only mark; what was handed out last stays in memory for one more
 * generation, so that a caller in the middle of a sentence keeps its strings.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "catalog/namespace.h"

#include "core/environment.h"
#include "core/checks.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/settings.h"
#include "core/table_shape.h"

typedef struct Installation
{
	bool valid;
	Oid extension;
	Oid owner;
	Oid functions_namespace;
	Oid tables_namespace;
	Oid tables[3];				/* environment, binding, setting */
	char version[NAMEDATALEN];
} Installation;

static Installation installation;
static uint64 invalidations = 0;
static DbmEnvironment environment;
static bool environment_valid = false;
static bool read_in_recovery = false;	/* a promotion invalidates nothing by itself */
static MemoryContext present_generation = NULL;
static MemoryContext previous_generation = NULL;

static const char *const mode_names[] = {
	[DBM_GUARD_OFF] = "off",
	[DBM_GUARD_OBSERVE] = "observe",
	[DBM_GUARD_ENFORCE] = "enforce",
};

static const char *const identity_names[] = {
	[DBM_IDENTITY_ATTACHED] = "attached",
	[DBM_IDENTITY_UNCONFIRMED] = "unconfirmed",
	[DBM_IDENTITY_DETACHED] = "detached",
	[DBM_IDENTITY_UNBOUND] = "unbound",
};

const char *
dbm_guard_mode_name(DbmGuardMode mode)
{
	return mode_names[mode];
}

const char *
dbm_identity_name(DbmIdentity identity)
{
	return identity_names[identity];
}

/* Reads our row of pg_extension, which has no syscache before 18. */
static bool
find_extension(Installation *found)
{
	Relation relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("dbmaestro"));
	scan = systable_beginscan(relation, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_extension form = (Form_pg_extension) GETSTRUCT(tuple);
		bool is_null;
		Datum version = heap_getattr(tuple, Anum_pg_extension_extversion,
									 RelationGetDescr(relation), &is_null);

		found->extension = form->oid;
		found->owner = form->extowner;
		found->functions_namespace = form->extnamespace;
		strlcpy(found->version, is_null ? "" : TextDatumGetCString(version),
				sizeof(found->version));
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return OidIsValid(found->extension);
}

static const Installation *
get_installation(void)
{
	Installation found = {0};
	uint64 invalidations_before = invalidations;
	static const char *const names[] = {"environment", "binding", "setting"};

	if (installation.valid || !IsTransactionState())
		return &installation;
	found.tables_namespace = get_namespace_oid("dbmaestro", true);
	if (OidIsValid(found.tables_namespace) && find_extension(&found))
	{
		for (int at = 0; at < lengthof(names); at++)
			found.tables[at] = get_relname_relid(names[at], found.tables_namespace);
	}
	/* an invalidation that arrived while we read must count */
	found.valid = invalidations == invalidations_before;
	installation = found;
	return &installation;
}

bool
dbm_installed(void)
{
	return IsTransactionState() && OidIsValid(get_installation()->extension);
}

Oid
dbm_extension_oid(void)
{
	return get_installation()->extension;
}

Oid
dbm_tables_namespace(void)
{
	return get_installation()->tables_namespace;
}

Oid
dbm_functions_namespace(void)
{
	return get_installation()->functions_namespace;
}

const char *
dbm_extension_version(void)
{
	return get_installation()->version;
}

Oid
dbm_extension_owner(void)
{
	return get_installation()->owner;
}

static DbmGuardMode
parse_mode(const char *name)
{
	for (int mode = 0; mode < lengthof(mode_names); mode++)
	{
		if (name && strcmp(mode_names[mode], name) == 0)
			return mode;
	}
	elog(ERROR, "guard mode \"%s\" is not known", name ? name : "");
}

/* Compares the identifiers of this database with those it had when it was bound. */
static DbmIdentity
compare_identity(void)
{
	DbmRow *row = dbm_row_make(&dbm_binding_table);
	const char *bound_instance;

	if (!dbm_binding_read(row, NULL))
		return DBM_IDENTITY_UNBOUND;
	if (strcmp(dbm_row_text(row, DBM_BINDING_SYSTEM_IDENTIFIER), dbm_system_identifier()) != 0 ||
		dbm_row_oid(row, DBM_BINDING_DATABASE) != MyDatabaseId)
		return DBM_IDENTITY_DETACHED;
	/* a standby writes nothing, and has no timeline of its own yet */
	if (RecoveryInProgress())
		return DBM_IDENTITY_ATTACHED;
	if (strcmp(dbm_row_text(row, DBM_BINDING_TIMELINES), dbm_timeline_history()) == 0)
		return DBM_IDENTITY_ATTACHED;
	bound_instance = dbm_row_text(row, DBM_BINDING_INSTANCE);
	if (bound_instance && bound_instance[0] != '\0' && strcmp(bound_instance, dbm_instance()) == 0)
		return DBM_IDENTITY_ATTACHED;
	return DBM_IDENTITY_UNCONFIRMED;
}

static DbmGuardMode
mode_in_force(const DbmEnvironment *facts)
{
	if (IsBinaryUpgrade || !facts->initialised)
		return DBM_GUARD_OFF;
	/* being restored, for all we know: a record would take the number of one to come */
	if (facts->identity == DBM_IDENTITY_UNBOUND)
		return DBM_GUARD_OFF;
	if (facts->identity == DBM_IDENTITY_DETACHED && facts->guard == DBM_GUARD_ENFORCE)
		return DBM_GUARD_OBSERVE;
	return facts->guard;
}

static void
read_environment(DbmEnvironment *facts, MemoryContext strings)
{
	DbmRow *row = dbm_row_make(&dbm_environment_table);
	Oid run_as;
	char *name;

	if (!dbm_environment_read(row, NULL))
		return;
	facts->initialised = true;
	facts->name = MemoryContextStrdup(strings, dbm_row_text(row, DBM_ENVIRONMENT_NAME));
	name = dbm_row_text(row, DBM_ENVIRONMENT_FOLLOWS);
	facts->follows = name ? MemoryContextStrdup(strings, name) : NULL;
	facts->guard = parse_mode(dbm_row_text(row, DBM_ENVIRONMENT_GUARD));
	facts->identity = compare_identity();
	facts->run_as_name = NULL;
	name = dbm_row_text(row, DBM_ENVIRONMENT_RUN_AS_NAME);
	if (name)
		facts->run_as_name = MemoryContextStrdup(strings, name);
	/* a role counts only while oid and name agree: a recreated one inherits nothing */
	run_as = dbm_row_oid(row, DBM_ENVIRONMENT_RUN_AS);
	name = OidIsValid(run_as) ? GetUserNameFromId(run_as, true) : NULL;
	if (name && facts->run_as_name && strcmp(name, facts->run_as_name) == 0)
		facts->run_as = run_as;
}

const DbmEnvironment *
dbm_environment(void)
{
	static const DbmEnvironment nothing = {.guard = DBM_GUARD_OFF};
	const Installation *here = get_installation();
	DbmEnvironment facts = {.guard = DBM_GUARD_OFF};
	MemoryContext scratch;
	MemoryContext generation;
	MemoryContext caller;

	if (!OidIsValid(here->extension) || !OidIsValid(here->tables[0]) ||
		!OidIsValid(here->tables[1]) || !OidIsValid(here->tables[2]))
		return &nothing;
	if (environment_valid && read_in_recovery && !RecoveryInProgress())
		environment_valid = false;
	/* outside a transaction, and after an error, the last answer must do */
	if (environment_valid || !IsTransactionState())
		return &environment;

	generation = AllocSetContextCreate(CacheMemoryContext, "dbmaestro cache", ALLOCSET_SMALL_SIZES);
	scratch = AllocSetContextCreate(CurrentMemoryContext, "dbmaestro environment",
									ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(scratch);
	/* marked first: an invalidation that arrives while we read must count */
	environment_valid = true;
	read_in_recovery = RecoveryInProgress();
	PG_TRY();
	{
		read_environment(&facts, generation);
		dbm_settings_reload(generation);
	}
	PG_CATCH();
	{
		environment_valid = false;
		MemoryContextDelete(generation);
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);

	facts.guard_in_force = mode_in_force(&facts);
	environment = facts;
	if (previous_generation)
		MemoryContextDelete(previous_generation);
	previous_generation = present_generation;
	present_generation = generation;
	return &environment;
}

void
dbm_environment_changed(void)
{
	CacheInvalidateRelcacheByRelid(get_installation()->tables[0]);
	CommandCounterIncrement();
	environment_valid = false;
}

void
dbm_require_same_version(void)
{
	const Installation *here = get_installation();

	if (strcmp(here->version, DBM_VERSION) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DBM_VERSION_MISMATCH),
				 errmsg("dbmaestro library and installed extension differ in version"),
				 errdetail("The library is %s, the extension in this database %s.  The guard "
						   "stays as it is; nothing is applied.",
						   DBM_VERSION, here->version),
				 errhint("Run: ALTER EXTENSION dbmaestro UPDATE; in a new session, with the "
						 "library of the same version installed.")));
}

void
dbm_require_initialised(void)
{
	if (!dbm_environment()->initialised)
		ereport(ERROR, (errcode(ERRCODE_DBM_NOT_INITIALISED),
						errmsg("database \"%s\" is not initialised for dbmaestro",
							   get_database_name(MyDatabaseId)),
						errdetail("It has not been said which environment this database is."),
						errhint("Run: SELECT dbm_init('<environment>');")));
}

void
dbm_require_attached(const char *subject)
{
	const DbmEnvironment *facts = dbm_environment();

	if (facts->identity == DBM_IDENTITY_DETACHED || facts->identity == DBM_IDENTITY_UNBOUND)
		ereport(ERROR, (errcode(ERRCODE_DBM_DETACHED),
						errmsg("cannot run %s in a detached database", subject),
						errdetail("This database is a copy of environment \"%s\": its identifiers "
								  "are not those it was bound to.",
								  facts->name),
						errhint("If this is to be an environment, run: SELECT "
								"dbm_attach('<reason>', '<environment>');")));
}

static void
forget_relation(Datum argument, Oid relation)
{
	invalidations++;
	if (relation == InvalidOid || !OidIsValid(installation.tables[2]) ||
		relation == installation.tables[0] || relation == installation.tables[1] ||
		relation == installation.tables[2])
	{
		installation.valid = false;
		environment_valid = false;
	}
}

static void
forget_namespace(Datum argument, int cache, uint32 hash)
{
	invalidations++;
	installation.valid = false;
	environment_valid = false;
}

void
dbm_installed_init(void)
{
	CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_namespace, (Datum) 0);
	/* run_as is remembered as a role: renaming or dropping it must be noticed */
	CacheRegisterSyscacheCallback(AUTHOID, forget_namespace, (Datum) 0);
	dbm_shape_init();
	dbm_checks_init();
}
