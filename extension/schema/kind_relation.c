/*
 * schema/kind_relation.c: tables, views, materialized views, sequences,
 * composite types, foreign tables
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_am.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_description.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "schema/kinds.h"
#include "schema/names.h"
#include "schema/properties.h"
#include "schema/relation.h"

static const char *
kind_name(char relkind)
{
	switch (relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			return "table";
		case RELKIND_VIEW:
			return "view";
		case RELKIND_MATVIEW:
			return "materialized view";
		case RELKIND_SEQUENCE:
			return "sequence";
		case RELKIND_COMPOSITE_TYPE:
			return "type";
		case RELKIND_FOREIGN_TABLE:
			return "foreign table";
		default:
			return NULL;		/* indexes and TOAST tables belong to their table */
	}
}

static void
read_columns(DbmPass *pass, DbmRelation *relation)
{
	DbmRows *rows = dbm_rows(dbm_pass_reader(pass), DBM_ATTRIBUTE_OF_RELATION, relation->oid);
	int count = relation->form->relnatts;
	HeapTuple tuple;

	relation->columns.relation = relation->oid;
	relation->columns.name = pstrdup(NameStr(relation->form->relname));
	relation->columns.count = count;
	relation->columns.names = palloc0(sizeof(char *) * Max(count, 1));
	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		Form_pg_attribute attribute = (Form_pg_attribute) GETSTRUCT(tuple);

		if (attribute->attnum < 0)
		{
			if (!heap_attisnull(tuple, Anum_pg_attribute_attacl, NULL))
				relation->system_attributes = lappend(relation->system_attributes,
													  heap_copytuple(tuple));
			continue;
		}
		if (attribute->attnum > count)
			elog(ERROR, "relation %u has more columns than its row says", relation->oid);
		tuple = heap_copytuple(tuple);
		attribute = (Form_pg_attribute) GETSTRUCT(tuple);
		relation->columns.names[attribute->attnum - 1] = attribute->attisdropped
															 ? ""
															 : NameStr(attribute->attname);
		relation->attributes = lappend(relation->attributes, tuple);
	}
	if (list_length(relation->attributes) != count)
		elog(ERROR, "relation %u has fewer columns than its row says", relation->oid);
}

static void
read_comments(DbmPass *pass, DbmRelation *relation)
{
	DbmRows *rows;
	HeapTuple tuple;

	if (!dbm_pass_comment_possible(pass, RelationRelationId, relation->oid))
		return;
	rows = dbm_rows_pair(dbm_pass_reader(pass), DBM_DESCRIPTION_OF_OBJECT, relation->oid,
						 RelationRelationId);
	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		DbmColumnComment *comment = palloc(sizeof(DbmColumnComment));

		comment->column = ((Form_pg_description) GETSTRUCT(tuple))->objsubid;
		comment->text = dbm_rows_text(rows, Anum_pg_description_description);
		relation->comments = lappend(relation->comments, comment);
	}
}

const char *
dbm_relation_comment(DbmRelation *relation, int column)
{
	ListCell *cell;

	foreach(cell, relation->comments)
	{
		DbmColumnComment *comment = lfirst(cell);

		if (comment->column == column)
			return comment->text;
	}
	return NULL;
}

static void
put_parents(DbmPass *pass, StringInfo body, DbmRelation *relation)
{
	DbmRows *rows = dbm_rows(dbm_pass_reader(pass), DBM_INHERITS_OF_RELATION, relation->oid);
	HeapTuple tuple;

	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		Form_pg_inherits inherits = (Form_pg_inherits) GETSTRUCT(tuple);
		char *parent = dbm_relation_identity(pass, inherits->inhparent);

		dbm_body_text(body, relation->form->relispartition ? "partition_of" : "inherits", parent);
		dbm_body_flag(body, "detach_pending", inherits->inhdetachpending);
	}
	if (relation->form->relispartition)
	{
		char *bound = dbm_tuple_text(relation->tuple, relation->descriptor,
									 Anum_pg_class_relpartbound);

		if (bound)
			dbm_body_text(body, "bound", dbm_deparse_bound(bound));
	}
}

/* The TOAST table is the server's own, but its options are the user's. */
static void
put_toast_options(DbmPass *pass, StringInfo body, DbmRelation *relation)
{
	TupleDesc descriptor;
	HeapTuple tuple;
	Datum options;
	bool is_null;

	if (!OidIsValid(relation->form->reltoastrelid))
		return;
	dbm_pass_member(pass, RelationRelationId, relation->form->reltoastrelid);
	tuple = dbm_row_copied(dbm_pass_reader(pass), DBM_CLASS_BY_OID, relation->form->reltoastrelid,
						   &descriptor);
	if (tuple == NULL)
		return;
	options = dbm_tuple_value(tuple, descriptor, Anum_pg_class_reloptions, &is_null);
	dbm_put_options(body, "toast_option", options, is_null);
}

static void
put_storage(DbmPass *pass, StringInfo body, DbmRelation *relation)
{
	Form_pg_class form = relation->form;
	Datum options;
	bool is_null;

	if (form->relpersistence != RELPERSISTENCE_PERMANENT)
		dbm_body_letter(body, "persistence", form->relpersistence);
	if (OidIsValid(form->relam) && form->relam != HEAP_TABLE_AM_OID)
		dbm_body_text(body, "access_method", get_am_name(form->relam));
	if (OidIsValid(form->reltablespace))
		dbm_body_text(body, "tablespace", dbm_tablespace_name(form->reltablespace));
	options = dbm_tuple_value(relation->tuple, relation->descriptor, Anum_pg_class_reloptions,
							  &is_null);
	dbm_put_options(body, "option", options, is_null);
	put_toast_options(pass, body, relation);
}

static void
put_table(DbmPass *pass, StringInfo body, DbmRelation *relation)
{
	Form_pg_class form = relation->form;

	if (OidIsValid(form->reloftype))
		dbm_body_text(body, "of_type", dbm_type_identity(form->reloftype));
	put_parents(pass, body, relation);
	if (form->relkind == RELKIND_PARTITIONED_TABLE)
		dbm_put_partitioning(pass, body, relation);
	if (form->relreplident != REPLICA_IDENTITY_DEFAULT)
		dbm_body_letter(body, "replica_identity", form->relreplident);
	dbm_body_flag(body, "row_security", form->relrowsecurity);
	dbm_body_flag(body, "force_row_security", form->relforcerowsecurity);
}

static void
put_foreign_table(DbmPass *pass, StringInfo body, DbmRelation *relation)
{
	DbmRows *rows = dbm_rows(dbm_pass_reader(pass), DBM_FOREIGN_TABLE_BY_RELATION, relation->oid);
	HeapTuple tuple = dbm_rows_next(rows);
	Datum options;
	bool is_null;

	if (tuple == NULL)
		return;
	dbm_body_text(
		body, "server",
		GetForeignServer(((Form_pg_foreign_table) GETSTRUCT(tuple))->ftserver)->servername);
	options = dbm_rows_value(rows, Anum_pg_foreign_table_ftoptions, &is_null);
	dbm_put_foreign_options(body, options, is_null);
	dbm_rows_stop(rows);
}

/* Owner, privileges and remarks of a composite type are those of its row in pg_type. */
static void
put_composite_satellites(DbmPass *pass, StringInfo body, DbmRelation *relation)
{
	Oid type = relation->form->reltype;
	TupleDesc descriptor;
	HeapTuple tuple = dbm_row_copied(dbm_pass_reader(pass), DBM_TYPE_BY_OID, type, &descriptor);
	Form_pg_type form;
	Datum acl;
	bool is_null;

	if (tuple == NULL)
		elog(ERROR, "cache lookup failed for type %u", type);
	form = (Form_pg_type) GETSTRUCT(tuple);
	dbm_put_owner(pass, body, form->typowner);
	acl = dbm_tuple_value(tuple, descriptor, Anum_pg_type_typacl, &is_null);
	dbm_put_privileges(pass, body, acl, is_null, OBJECT_TYPE, form->typowner);
	dbm_put_remarks(pass, body, TypeRelationId, type, 0);
}

static void
put_satellites(DbmPass *pass, StringInfo body, DbmRelation *relation)
{
	Form_pg_class form = relation->form;
	Datum acl;
	bool is_null;

	dbm_put_owner(pass, body, form->relowner);
	acl = dbm_tuple_value(relation->tuple, relation->descriptor, Anum_pg_class_relacl, &is_null);
	dbm_put_privileges(pass, body, acl, is_null,
					   form->relkind == RELKIND_SEQUENCE ? OBJECT_SEQUENCE : OBJECT_TABLE,
					   form->relowner);
	dbm_body_text(body, "comment", dbm_relation_comment(relation, 0));
	if (dbm_pass_has_labels(pass))
		dbm_put_labels(pass, body, RelationRelationId, relation->oid, 0);
	dbm_put_extension_links(pass, body, RelationRelationId, relation->oid);
}

static void
put_relation(DbmPass *pass, StringInfo body, DbmRelation *relation)
{
	char relkind = relation->form->relkind;

	if (relkind == RELKIND_COMPOSITE_TYPE)
	{
		dbm_body_text(body, "form", "composite");
		put_composite_satellites(pass, body, relation);
		dbm_put_columns(pass, body, relation);
		return;
	}
	put_satellites(pass, body, relation);
	put_storage(pass, body, relation);
	if (relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE ||
		relkind == RELKIND_FOREIGN_TABLE || relkind == RELKIND_MATVIEW)
		put_table(pass, body, relation);
	if (relkind == RELKIND_FOREIGN_TABLE)
		put_foreign_table(pass, body, relation);
	if (relkind == RELKIND_SEQUENCE)
		dbm_put_sequence(pass, body, relation);
	else
		dbm_put_columns(pass, body, relation);
	if (relkind == RELKIND_VIEW || relkind == RELKIND_MATVIEW)
		dbm_put_view(pass, body, relation);
}

/* The row type and its array are named in other objects, so they count as ours. */
static void
name_row_type(DbmPass *pass, Form_pg_class form)
{
	Oid array;

	if (!OidIsValid(form->reltype))
		return;
	dbm_pass_member(pass, TypeRelationId, form->reltype);
	array = dbm_array_type(pass, form->reltype);
	if (OidIsValid(array))
		dbm_pass_member(pass, TypeRelationId, array);
}

/* Constraints, views and partitions mention no more of a relation than this. */
static void
name_columns(DbmPass *pass, DbmRelation *relation)
{
	StringInfoData names;

	initStringInfo(&names);
	appendBinaryStringInfo(&names, relation->identity, strlen(relation->identity) + 1);
	dbm_name_triggers(pass, &names, relation);
	for (int at = 0; at < relation->columns.count; at++)
		appendBinaryStringInfo(&names, relation->columns.names[at],
							   strlen(relation->columns.names[at]) + 1);
	dbm_pass_names(pass, names.data, names.len);
}

void
dbm_describe_relation(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);
	const char *kind = kind_name(form->relkind);
	DbmRelation relation = {.oid = form->oid, .tuple = tuple, .descriptor = descriptor};
	DbmDraft *draft;

	if (kind == NULL || !dbm_user_schema(pass, form->relnamespace))
		return;
	name_row_type(pass, form);
	if (dbm_extension_member(
			pass, form->relkind == RELKIND_COMPOSITE_TYPE ? TypeRelationId : RelationRelationId,
			form->relkind == RELKIND_COMPOSITE_TYPE ? form->reltype : form->oid))
		return;
	relation.form = form;
	relation.identity = dbm_qualified(pass, form->relnamespace, NameStr(form->relname));
	if (form->relkind != RELKIND_SEQUENCE)
		read_columns(pass, &relation);
	read_comments(pass, &relation);
	name_columns(pass, &relation);

	draft = dbm_draft_begin(pass, kind, relation.identity);
	put_relation(pass, draft->body, &relation);
	dbm_draft_end(pass, draft);

	if (form->relkind == RELKIND_SEQUENCE || form->relkind == RELKIND_COMPOSITE_TYPE)
		return;
	dbm_describe_keys(pass, &relation);
	dbm_describe_triggers(pass, &relation);
	dbm_describe_rules(pass, &relation);
	dbm_describe_policies(pass, &relation);
	dbm_describe_statistics(pass, &relation);
}
