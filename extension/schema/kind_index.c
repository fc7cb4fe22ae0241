/*
 * schema/kind_index.c: indexes, alone or behind a constraint; partition keys
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_am.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_partitioned_table.h"
#include "commands/defrem.h"
#include "utils/builtins.h"

#include "schema/keys.h"
#include "schema/names.h"
#include "schema/properties.h"

List *
dbm_read_indexes(DbmPass *pass, DbmRelation *relation)
{
	DbmRows *rows;
	HeapTuple tuple;
	List *indexes = NIL;
	ListCell *cell;

	if (!relation->form->relhasindex)
		return NIL;
	rows = dbm_rows(dbm_pass_reader(pass), DBM_INDEX_OF_RELATION, relation->oid);
	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		DbmIndex *index = palloc0(sizeof(DbmIndex));

		index->tuple = heap_copytuple(tuple);
		index->descriptor = dbm_source_descriptor(dbm_pass_reader(pass), DBM_INDEX_OF_RELATION);
		indexes = lappend(indexes, index);
	}
	foreach(cell, indexes)
	{
		DbmIndex *index = lfirst(cell);
		Oid oid = ((Form_pg_index) GETSTRUCT(index->tuple))->indexrelid;

		dbm_pass_member(pass, RelationRelationId, oid);
		index->class_tuple = dbm_row_copied(dbm_pass_reader(pass), DBM_CLASS_BY_OID, oid,
											&index->class_descriptor);
		if (index->class_tuple == NULL)
			elog(ERROR, "cache lookup failed for index %u", oid);
	}
	return indexes;
}

DbmIndex *
dbm_find_index(List *indexes, Oid oid)
{
	ListCell *cell;

	foreach(cell, indexes)
	{
		DbmIndex *index = lfirst(cell);

		if (((Form_pg_index) GETSTRUCT(index->tuple))->indexrelid == oid)
			return index;
	}
	return NULL;
}

/* Operator class parameters and statistics targets live in the index's own columns. */
static HeapTuple *
read_index_columns(DbmPass *pass, Form_pg_index form)
{
	HeapTuple *columns = palloc0(sizeof(HeapTuple) * form->indnatts);
	DbmRows *rows = dbm_rows(dbm_pass_reader(pass), DBM_ATTRIBUTE_OF_RELATION, form->indexrelid);
	HeapTuple tuple;

	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		int number = ((Form_pg_attribute) GETSTRUCT(tuple))->attnum;

		if (number >= 1 && number <= form->indnatts)
			columns[number - 1] = heap_copytuple(tuple);
	}
	return columns;
}

static void
put_index_column_options(DbmPass *pass, StringInfo body, HeapTuple column)
{
	TupleDesc descriptor = dbm_source_descriptor(dbm_pass_reader(pass), DBM_ATTRIBUTE_OF_RELATION);
	Datum value;
	bool is_null;
	int target;

	if (column == NULL)
		return;
	value = dbm_tuple_value(column, descriptor, Anum_pg_attribute_attoptions, &is_null);
	dbm_put_options(body, "operator_class_option", value, is_null);
	target = dbm_statistics_target(column, descriptor, Anum_pg_attribute_attstattarget);
	if (target >= 0)
		dbm_body_integer(body, "statistics", target);
}

/* Appends the column or expression at position at; takes expressions from the list. */
static void
put_key_target(StringInfo body, DbmRelation *relation, int16 number, List **expressions)
{
	if (number != 0)
		dbm_body_text(body, "column", dbm_column_name(&relation->columns, number));
	else
	{
		if (*expressions == NIL)
			elog(ERROR, "too few expressions in an index or partition key of relation %u",
				 relation->oid);
		dbm_body_text(body, "expression", linitial(*expressions));
		*expressions = list_delete_first(*expressions);
	}
}

static void
put_collation(DbmPass *pass, StringInfo body, Oid collation)
{
	if (OidIsValid(collation) && collation != DEFAULT_COLLATION_OID)
		dbm_body_text(body, "collation", dbm_collation_identity(pass, collation));
}

static void
put_index_columns(DbmPass *pass, StringInfo body, DbmRelation *relation, DbmIndex *index,
				  const Oid *operators)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(index->tuple);
	HeapTuple *columns = read_index_columns(pass, form);
	oidvector *classes = (oidvector *) DatumGetPointer(
		dbm_tuple_datum(index->tuple, index->descriptor, Anum_pg_index_indclass));
	oidvector *collations = (oidvector *) DatumGetPointer(
		dbm_tuple_datum(index->tuple, index->descriptor, Anum_pg_index_indcollation));
	int2vector *options = (int2vector *) DatumGetPointer(
		dbm_tuple_datum(index->tuple, index->descriptor, Anum_pg_index_indoption));
	char *node_text = dbm_tuple_text(index->tuple, index->descriptor, Anum_pg_index_indexprs);
	List *expressions = node_text ? dbm_deparse_list(node_text, &relation->columns) : NIL;

	for (int at = 0; at < form->indnatts; at++)
	{
		int opened = dbm_body_open(body);

		put_key_target(body, relation, form->indkey.values[at], &expressions);
		if (at < form->indnkeyatts)
		{
			put_collation(pass, body, collations->values[at]);
			dbm_body_text(body, "operator_class", dbm_opclass_identity(pass, classes->values[at]));
			dbm_body_flag(body, "descending", options->values[at] & INDOPTION_DESC);
			dbm_body_flag(body, "nulls_first", options->values[at] & INDOPTION_NULLS_FIRST);
			if (operators)
				dbm_body_text(body, "operator", dbm_operator_identity(operators[at]));
		}
		put_index_column_options(pass, body, columns[at]);
		dbm_body_close(body, at < form->indnkeyatts ? "key" : "include", opened);
	}
}

/* A partition's index that belongs to an index of the parent. */
static void
put_parent_index(DbmPass *pass, StringInfo body, DbmRelation *relation, Oid index)
{
	DbmRows *rows;
	HeapTuple tuple;

	if (!relation->form->relispartition)
		return;
	rows = dbm_rows(dbm_pass_reader(pass), DBM_INHERITS_OF_RELATION, index);
	tuple = dbm_rows_next(rows);
	if (tuple)
	{
		Oid parent = ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent;

		dbm_rows_stop(rows);
		dbm_body_text(body, "parent_index", dbm_relation_identity(pass, parent));
	}
}

void
dbm_put_index(DbmPass *pass, StringInfo body, DbmRelation *relation, DbmIndex *index,
			  const Oid *operators)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(index->tuple);
	Form_pg_class class = (Form_pg_class) GETSTRUCT(index->class_tuple);
	char *predicate;
	Datum options;
	bool is_null;

	dbm_body_text(body, "method", get_am_name(class->relam));
	dbm_body_flag(body, "nulls_not_distinct", form->indnullsnotdistinct);
	put_index_columns(pass, body, relation, index, operators);
	predicate = dbm_tuple_text(index->tuple, index->descriptor, Anum_pg_index_indpred);
	if (predicate)
		dbm_body_text(body, "predicate", dbm_deparse(predicate, &relation->columns));
	options = dbm_tuple_value(index->class_tuple, index->class_descriptor, Anum_pg_class_reloptions,
							  &is_null);
	dbm_put_options(body, "option", options, is_null);
	if (OidIsValid(class->reltablespace))
		dbm_body_text(body, "tablespace", dbm_tablespace_name(class->reltablespace));
	dbm_body_flag(body, "clustered", form->indisclustered);
	dbm_body_flag(body, "replica_identity", form->indisreplident);
	put_parent_index(pass, body, relation, form->indexrelid);
	dbm_put_extension_links(pass, body, RelationRelationId, form->indexrelid);
}

void
dbm_describe_index(DbmPass *pass, DbmRelation *relation, DbmIndex *index)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(index->tuple);
	Form_pg_class class = (Form_pg_class) GETSTRUCT(index->class_tuple);
	DbmDraft *draft = dbm_draft_begin(
		pass, "index", dbm_qualified(pass, class->relnamespace, NameStr(class->relname)));
	bool usable = form->indisvalid && form->indisready && form->indislive;

	dbm_body_text(draft->body, "table", relation->identity);
	dbm_body_flag(draft->body, "unique", form->indisunique);
	dbm_put_index(pass, draft->body, relation, index, NULL);
	dbm_put_remarks(pass, draft->body, RelationRelationId, form->indexrelid, 0);

	/* what a failed CREATE INDEX CONCURRENTLY leaves; of a partitioned table it is ordinary */
	if (!usable && class->relkind == RELKIND_INDEX)
	{
		dbm_body_flag(draft->body, "invalid", true);
		draft->extra = true;
	}
	dbm_draft_end(pass, draft);
}

void
dbm_put_partitioning(DbmPass *pass, StringInfo body, DbmRelation *relation)
{
	TupleDesc descriptor;
	HeapTuple tuple = dbm_row_copied(dbm_pass_reader(pass), DBM_PARTITIONED_BY_RELATION,
									 relation->oid, &descriptor);
	Form_pg_partitioned_table form;
	oidvector *classes;
	oidvector *collations;
	char *node_text;
	List *expressions;

	if (tuple == NULL)
		elog(ERROR, "cache lookup failed for partition key of relation %u", relation->oid);
	form = (Form_pg_partitioned_table) GETSTRUCT(tuple);
	classes = (oidvector *) DatumGetPointer(
		dbm_tuple_datum(tuple, descriptor, Anum_pg_partitioned_table_partclass));
	collations = (oidvector *) DatumGetPointer(
		dbm_tuple_datum(tuple, descriptor, Anum_pg_partitioned_table_partcollation));
	node_text = dbm_tuple_text(tuple, descriptor, Anum_pg_partitioned_table_partexprs);
	expressions = node_text ? dbm_deparse_list(node_text, &relation->columns) : NIL;

	dbm_body_letter(body, "partition_strategy", form->partstrat);
	for (int at = 0; at < form->partnatts; at++)
	{
		int opened = dbm_body_open(body);

		put_key_target(body, relation, form->partattrs.values[at], &expressions);
		put_collation(pass, body, collations->values[at]);
		dbm_body_text(body, "operator_class", dbm_opclass_identity(pass, classes->values[at]));
		dbm_body_close(body, "partition_key", opened);
	}
}
