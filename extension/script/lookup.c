/*
 * script/lookup.c: what the catalogs say of the names in a script
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_subscription.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "core/installed.h"
#include "core/settings.h"
#include "script/code.h"
#include "script/lookup.h"

/* Procedures that call procedures: what is deeper, the server finds. */
#define DEEPEST_CALL 4

/* The schema that an entry of the search path means, or InvalidOid. */
static Oid
find_schema(const char *name)
{
	const DbmEnvironment *environment = dbm_environment();
	Oid role = OidIsValid(environment->run_as) ? environment->run_as : GetUserId();

	if (strcmp(name, "$user") == 0)
		name = GetUserNameFromId(role, true);
	return name ? get_namespace_oid(name, true) : InvalidOid;
}

/* The schemas where a name is searched for, in order: a list of Oid. */
static List *
list_schemas(const RangeVar *object, const char *path)
{
	List *names = NIL;
	List *schemas = NIL;
	ListCell *cell;

	if (object->schemaname)
		return list_make1_oid(find_schema(object->schemaname));
	if (!SplitIdentifierString(pstrdup(path ? path : dbm_setting_text(DBM_SETTING_SEARCH_PATH)),
							   ',', &names))
		names = NIL;
	foreach (cell, names)
	{
		Oid schema = find_schema(lfirst(cell));

		if (OidIsValid(schema))
			schemas = lappend_oid(schemas, schema);
	}
	if (!list_member_oid(schemas, PG_CATALOG_NAMESPACE))
		schemas = lcons_oid(PG_CATALOG_NAMESPACE, schemas);
	return schemas;
}

bool
dbm_lookup_is_partitioned(const RangeVar *relation, const char *path)
{
	ListCell *cell;

	foreach (cell, list_schemas(relation, path))
	{
		Oid found = get_relname_relid(relation->relname, lfirst_oid(cell));
		char kind = OidIsValid(found) ? get_rel_relkind(found) : '\0';

		if (OidIsValid(found))
			return kind == RELKIND_PARTITIONED_TABLE || kind == RELKIND_PARTITIONED_INDEX;
	}
	return false;
}

bool
dbm_lookup_has_slot(const char *subscription)
{
	HeapTuple tuple = SearchSysCache2(SUBSCRIPTIONNAME, ObjectIdGetDatum(MyDatabaseId),
									  CStringGetDatum(subscription));
	bool is_null = true;

	if (HeapTupleIsValid(tuple))
	{
		(void) SysCacheGetAttr(SUBSCRIPTIONNAME, tuple, Anum_pg_subscription_subslotname, &is_null);
		ReleaseSysCache(tuple);
	}
	return !is_null;
}

/* ---- procedures ---- */

static bool calls_end(const DbmScript *script, int before, const List *calls, const char *path,
					  int depth);

static char *
language_name(Oid language)
{
	HeapTuple tuple = SearchSysCache1(LANGOID, ObjectIdGetDatum(language));
	char *name = "";

	if (HeapTupleIsValid(tuple))
	{
		name = pstrdup(NameStr(((Form_pg_language) GETSTRUCT(tuple))->lanname));
		ReleaseSysCache(tuple);
	}
	return name;
}

/* Reads the code of a procedure; neither of SECURITY DEFINER and SET lets it end anything. */
static void
read_procedure(HeapTuple tuple, DbmCode *code)
{
	Form_pg_proc procedure = (Form_pg_proc) GETSTRUCT(tuple);
	bool no_settings;
	bool no_source;
	Datum source;

	memset(code, 0, sizeof(DbmCode));
	(void) SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proconfig, &no_settings);
	source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &no_source);
	if (procedure->prosecdef || !no_settings || no_source)
		return;
	dbm_code_read(language_name(procedure->prolang), TextDatumGetCString(source), code);
}

/* Of several procedures of that name any one will do: the types of the arguments are not known. */
static bool
stored_procedure_ends(const DbmScript *script, int before, const RangeVar *name, const char *path,
					  int depth)
{
	List *schemas = list_schemas(name, path);
	CatCList *candidates = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name->relname));
	List *codes = NIL;
	ListCell *cell;

	for (int at = 0; at < candidates->n_members; at++)
	{
		HeapTuple tuple = &candidates->members[at]->tuple;
		Form_pg_proc procedure = (Form_pg_proc) GETSTRUCT(tuple);
		DbmCode *code;

		if (procedure->prokind != PROKIND_PROCEDURE ||
			!list_member_oid(schemas, procedure->pronamespace))
			continue;
		code = palloc(sizeof(DbmCode));
		read_procedure(tuple, code);
		codes = lappend(codes, code);
	}
	ReleaseCatCacheList(candidates);

	foreach (cell, codes)
	{
		const DbmCode *code = lfirst(cell);

		if (code->ends || calls_end(script, before, code->calls, path, depth + 1))
			return true;
	}
	return false;
}

static bool
calls_end(const DbmScript *script, int before, const List *calls, const char *path, int depth)
{
	ListCell *cell;

	if (depth > DEEPEST_CALL)
		return false;
	foreach (cell, calls)
	{
		const RangeVar *name = lfirst(cell);
		const DbmNote *made = dbm_note_find(script, DBM_NOTE_PROCEDURE, before, name);

		if (made == NULL && stored_procedure_ends(script, before, name, path, depth))
			return true;
		if (made && (made->ends || calls_end(script, before, made->calls, path, depth + 1)))
			return true;
	}
	return false;
}

bool
dbm_lookup_ends_transaction(const DbmScript *script, const DbmNote *note, const char *path)
{
	return note->ends || calls_end(script, note->ordinal, note->calls, path, 0);
}
