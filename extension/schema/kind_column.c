/*
 * schema/kind_column.c: the columns of a relation, as properties of it
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "schema/names.h"
#include "schema/properties.h"
#include "schema/relation.h"

/* Reads the defaults of all columns, by column number, still as node trees. */
static char **
read_defaults(DbmPass *pass, DbmRelation *relation)
{
	char **defaults = palloc0(sizeof(char *) * Max(relation->columns.count, 1));
	DbmRows *rows = dbm_rows(dbm_pass_reader(pass), DBM_ATTRDEF_OF_RELATION, relation->oid);
	HeapTuple tuple;

	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		Form_pg_attrdef form = (Form_pg_attrdef) GETSTRUCT(tuple);

		if (form->adnum < 1 || form->adnum > relation->columns.count)
			continue;
		defaults[form->adnum - 1] = dbm_rows_text(rows, Anum_pg_attrdef_adbin);
		dbm_pass_member(pass, AttrDefaultRelationId, form->oid);
	}
	return defaults;
}

static void
put_type(DbmPass *pass, StringInfo body, Form_pg_attribute attribute)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(attribute->atttypid));
	Form_pg_type type;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", attribute->atttypid);
	type = (Form_pg_type) GETSTRUCT(tuple);
	dbm_body_text(body, "type", dbm_type_with_modifier(attribute->atttypid, attribute->atttypmod));
	if (OidIsValid(attribute->attcollation) && attribute->attcollation != type->typcollation)
		dbm_body_text(body, "collation", dbm_collation_identity(pass, attribute->attcollation));
	if (attribute->attstorage != type->typstorage)
		dbm_body_letter(body, "storage", attribute->attstorage);
	ReleaseSysCache(tuple);
}

static void
put_default(StringInfo body, DbmRelation *relation, Form_pg_attribute attribute,
			const char *node_text)
{
	if (attribute->attidentity)
		dbm_body_letter(body, "identity", attribute->attidentity);
	if (node_text == NULL)
		return;
	if (attribute->attgenerated)
	{
		dbm_body_letter(body, "generated", attribute->attgenerated);
		dbm_body_text(body, "expression", dbm_deparse(node_text, &relation->columns));
	}
	else
		dbm_body_text(body, "default", dbm_deparse(node_text, &relation->columns));
}

static void
put_column_satellites(DbmPass *pass, StringInfo body, DbmRelation *relation, HeapTuple tuple)
{
	TupleDesc descriptor = dbm_source_descriptor(dbm_pass_reader(pass), DBM_ATTRIBUTE_OF_RELATION);
	int number = ((Form_pg_attribute) GETSTRUCT(tuple))->attnum;
	int target;
	Datum value;
	bool is_null;

	target = dbm_statistics_target(tuple, descriptor, Anum_pg_attribute_attstattarget);
	if (target >= 0)
		dbm_body_integer(body, "statistics", target);
	value = dbm_tuple_value(tuple, descriptor, Anum_pg_attribute_attoptions, &is_null);
	dbm_put_options(body, "option", value, is_null);
	value = dbm_tuple_value(tuple, descriptor, Anum_pg_attribute_attfdwoptions, &is_null);
	dbm_put_foreign_options(body, value, is_null);
	value = dbm_tuple_value(tuple, descriptor, Anum_pg_attribute_attacl, &is_null);
	dbm_put_privileges(pass, body, value, is_null, OBJECT_COLUMN, relation->form->relowner);
	dbm_body_text(body, "comment", dbm_relation_comment(relation, number));
	if (dbm_pass_has_labels(pass))
		dbm_put_labels(pass, body, RelationRelationId, relation->oid, number);
}

static void
put_column(DbmPass *pass, StringInfo body, DbmRelation *relation, HeapTuple tuple,
		   const char *node_text)
{
	Form_pg_attribute attribute = (Form_pg_attribute) GETSTRUCT(tuple);
	int column = dbm_body_open(body);

	dbm_body_text(body, "name", NameStr(attribute->attname));
	put_type(pass, body, attribute);
	dbm_body_flag(body, "not_null", attribute->attnotnull);
	put_default(body, relation, attribute, node_text);
	if (attribute->attcompression)
		dbm_body_letter(body, "compression", attribute->attcompression);
	/* a column that only its parents define goes and changes with theirs */
	dbm_body_flag(body, "inherited", !attribute->attislocal);
	put_column_satellites(pass, body, relation, tuple);
	dbm_body_close(body, "column", column);
}

static void
put_system_column(DbmPass *pass, StringInfo body, DbmRelation *relation, HeapTuple tuple)
{
	TupleDesc descriptor = dbm_source_descriptor(dbm_pass_reader(pass), DBM_ATTRIBUTE_OF_RELATION);
	StringInfoData privileges;
	Datum acl;
	bool is_null;

	initStringInfo(&privileges);
	acl = dbm_tuple_value(tuple, descriptor, Anum_pg_attribute_attacl, &is_null);
	dbm_put_privileges(pass, &privileges, acl, is_null, OBJECT_COLUMN, relation->form->relowner);
	if (privileges.len > 0)
	{
		int column = dbm_body_open(body);

		dbm_body_text(body, "name", NameStr(((Form_pg_attribute) GETSTRUCT(tuple))->attname));
		appendBinaryStringInfo(body, privileges.data, privileges.len);
		dbm_body_close(body, "system_column", column);
	}
}

void
dbm_put_columns(DbmPass *pass, StringInfo body, DbmRelation *relation)
{
	char **defaults = read_defaults(pass, relation);
	ListCell *cell;

	foreach(cell, relation->attributes)
	{
		HeapTuple tuple = lfirst(cell);
		Form_pg_attribute attribute = (Form_pg_attribute) GETSTRUCT(tuple);

		if (!attribute->attisdropped)
			put_column(pass, body, relation, tuple, defaults[attribute->attnum - 1]);
	}
	foreach(cell, relation->system_attributes)
		put_system_column(pass, body, relation, lfirst(cell));
}

void
dbm_put_column_names(StringInfo body, const char *tag, DbmRelation *relation, const int16 *numbers,
					 int count)
{
	for (int at = 0; at < count; at++)
		dbm_body_text(body, tag, dbm_column_name(&relation->columns, numbers[at]));
}
