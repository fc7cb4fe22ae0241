/*
 * ledger/relation_name.c: relations by name and names of relations, where
 * neither need exist
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "ledger/relation_name.h"

Oid
dbm_relation_find(const RangeVar *name)
{
	Oid schema;

	if (name->schemaname == NULL)
		return RelnameGetRelid(name->relname);
	schema = LookupNamespaceNoError(name->schemaname);
	return OidIsValid(schema) ? get_relname_relid(name->relname, schema) : InvalidOid;
}

Oid
dbm_relation_find_list(const List *name)
{
	/* the grammar takes more names than a relation can have */
	if (list_length(name) > 3)
		return InvalidOid;
	return dbm_relation_find(makeRangeVarFromNameList(unconstify(List *, name)));
}

char *
dbm_relation_text(Oid relation)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	char *text = NULL;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_class row = (Form_pg_class) GETSTRUCT(tuple);
		char *schema = get_namespace_name(row->relnamespace);

		if (schema)
			text = quote_qualified_identifier(schema, NameStr(row->relname));
		ReleaseSysCache(tuple);
	}
	return text;
}

char *
dbm_relation_written(const RangeVar *name)
{
	return quote_qualified_identifier(name->schemaname, name->relname);
}

const char *
dbm_relation_kind_name(char relkind)
{
	switch (relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			return "table";
		case RELKIND_INDEX:
		case RELKIND_PARTITIONED_INDEX:
			return "index";
		case RELKIND_SEQUENCE:
			return "sequence";
		case RELKIND_VIEW:
			return "view";
		case RELKIND_MATVIEW:
			return "materialized view";
		case RELKIND_COMPOSITE_TYPE:
			return "composite type";
		case RELKIND_FOREIGN_TABLE:
			return "foreign table";
		default:
			return "relation";
	}
}
