/*
 * schema/names.c: oid to name through the system caches
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "commands/tablespace.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "schema/names.h"

const char *
dbm_role_name(DbmPass *pass, Oid role)
{
	HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	char *name;

	/* a role may be gone from another session's point of view; its number is what is left */
	if (!HeapTupleIsValid(tuple))
		return psprintf("%u", role);
	name = pstrdup(NameStr(((Form_pg_authid) GETSTRUCT(tuple))->rolname));
	ReleaseSysCache(tuple);
	return name;
}

const char *
dbm_schema_name(DbmPass *pass, Oid schema)
{
	char *name = get_namespace_name(schema);

	if (name == NULL)
		elog(ERROR, "cache lookup failed for schema %u", schema);
	return name;
}

const char *
dbm_tablespace_name(Oid tablespace)
{
	char *name = get_tablespace_name(tablespace);

	if (name == NULL)
		elog(ERROR, "cache lookup failed for tablespace %u", tablespace);
	return name;
}

bool
dbm_user_schema(DbmPass *pass, Oid schema)
{
	const char *name;

	/* thousands of objects, of a schema that nobody renames */
	if (schema == PG_CATALOG_NAMESPACE)
		return false;
	name = get_namespace_name(schema);
	return name && strncmp(name, "pg_", 3) != 0 && strcmp(name, "information_schema") != 0;
}

char *
dbm_qualified(DbmPass *pass, Oid schema, const char *name)
{
	return quote_qualified_identifier(dbm_schema_name(pass, schema), name);
}

char *
dbm_relation_identity(DbmPass *pass, Oid relation)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Form_pg_class form;
	char *identity;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relation);
	form = (Form_pg_class) GETSTRUCT(tuple);
	identity = dbm_qualified(pass, form->relnamespace, NameStr(form->relname));
	ReleaseSysCache(tuple);
	return identity;
}

char *
dbm_type_identity(Oid type)
{
	return format_type_extended(type, -1, FORMAT_TYPE_FORCE_QUALIFY);
}

char *
dbm_type_with_modifier(Oid type, int32 modifier)
{
	return format_type_extended(type, modifier,
								FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

char *
dbm_procedure_identity(Oid procedure)
{
	return format_procedure_qualified(procedure);
}

char *
dbm_operator_identity(Oid operator)
{
	return format_operator_qualified(operator);
}

/* Qualified name of the object with this oid in a system cache. */
static char *
cached_identity(DbmPass *pass, int cache, Oid oid, AttrNumber name, AttrNumber namespace,
				const char *what)
{
	HeapTuple tuple = SearchSysCache1(cache, ObjectIdGetDatum(oid));
	bool is_null;
	char *identity;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for %s %u", what, oid);
	identity = dbm_qualified(pass,
							 DatumGetObjectId(SysCacheGetAttr(cache, tuple, namespace, &is_null)),
							 NameStr(*DatumGetName(SysCacheGetAttr(cache, tuple, name, &is_null))));
	ReleaseSysCache(tuple);
	return identity;
}

char *
dbm_collation_identity(DbmPass *pass, Oid collation)
{
	return cached_identity(pass, COLLOID, collation, Anum_pg_collation_collname,
						   Anum_pg_collation_collnamespace, "collation");
}

char *
dbm_opclass_identity(DbmPass *pass, Oid opclass)
{
	return cached_identity(pass, CLAOID, opclass, Anum_pg_opclass_opcname,
						   Anum_pg_opclass_opcnamespace, "operator class");
}

char *
dbm_opfamily_identity(DbmPass *pass, Oid opfamily)
{
	return cached_identity(pass, OPFAMILYOID, opfamily, Anum_pg_opfamily_opfname,
						   Anum_pg_opfamily_opfnamespace, "operator family");
}

char *
dbm_identity_on(const char *name, const char *owner)
{
	return psprintf("%s on %s", quote_identifier(name), owner);
}
