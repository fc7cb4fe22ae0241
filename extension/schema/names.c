/*
 * schema/names.c: oid to name through the system caches
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
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
	const char *name = get_namespace_name(schema);

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

char *
dbm_collation_identity(DbmPass *pass, Oid collation)
{
	HeapTuple tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	Form_pg_collation form;
	char *identity;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	form = (Form_pg_collation) GETSTRUCT(tuple);
	identity = dbm_qualified(pass, form->collnamespace, NameStr(form->collname));
	ReleaseSysCache(tuple);
	return identity;
}

char *
dbm_opclass_identity(DbmPass *pass, Oid opclass)
{
	HeapTuple tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	Form_pg_opclass form;
	char *identity;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclass);
	form = (Form_pg_opclass) GETSTRUCT(tuple);
	identity = dbm_qualified(pass, form->opcnamespace, NameStr(form->opcname));
	ReleaseSysCache(tuple);
	return identity;
}

char *
dbm_opfamily_identity(DbmPass *pass, Oid opfamily)
{
	HeapTuple tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(opfamily));
	Form_pg_opfamily form;
	char *identity;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator family %u", opfamily);
	form = (Form_pg_opfamily) GETSTRUCT(tuple);
	identity = dbm_qualified(pass, form->opfnamespace, NameStr(form->opfname));
	ReleaseSysCache(tuple);
	return identity;
}

char *
dbm_identity_on(const char *name, const char *owner)
{
	return psprintf("%s on %s", quote_identifier(name), owner);
}
