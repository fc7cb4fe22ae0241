/*
 * schema/kind_constraint.c: constraints of relations and domains
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "schema/constraint.h"
#include "schema/keys.h"
#include "schema/names.h"
#include "schema/properties.h"

/* A constraint being described: its copied row. */
typedef struct StoredConstraint
{
	HeapTuple tuple;
	TupleDesc descriptor;
	Form_pg_constraint form;
} StoredConstraint;

static List *
read_constraints(DbmPass *pass, DbmSource source, Oid key)
{
	DbmRows *rows = dbm_rows(dbm_pass_reader(pass), source, key);
	List *constraints = NIL;
	HeapTuple tuple;

	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		StoredConstraint *constraint = palloc(sizeof(StoredConstraint));

		constraint->tuple = heap_copytuple(tuple);
		constraint->descriptor = dbm_source_descriptor(dbm_pass_reader(pass), source);
		constraint->form = (Form_pg_constraint) GETSTRUCT(constraint->tuple);
		dbm_pass_member(pass, ConstraintRelationId, constraint->form->oid);
		constraints = lappend(constraints, constraint);
	}
	return constraints;
}

/* Elements of a one-dimensional array column of fixed-size elements, NULL if the column is. */
static const void *
array_elements(StoredConstraint *constraint, AttrNumber column, int *count)
{
	bool is_null;
	Datum value = dbm_tuple_value(constraint->tuple, constraint->descriptor, column, &is_null);
	ArrayType *array;

	*count = 0;
	if (is_null)
		return NULL;
	array = DatumGetArrayTypeP(value);
	*count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	return ARR_DATA_PTR(array);
}

static void
put_own_columns(StringInfo body, DbmRelation *relation, StoredConstraint *constraint,
				AttrNumber column, const char *tag)
{
	int count;
	const int16 *numbers = array_elements(constraint, column, &count);

	dbm_put_column_names(body, tag, relation, numbers, count);
}

static void
put_foreign_key(DbmPass *pass, StringInfo body, DbmRelation *relation, StoredConstraint *constraint)
{
	Form_pg_constraint form = constraint->form;
	int count;
	const int16 *numbers;

	put_own_columns(body, relation, constraint, Anum_pg_constraint_conkey, "column");
	dbm_body_text(body, "references", dbm_relation_identity(pass, form->confrelid));
	numbers = array_elements(constraint, Anum_pg_constraint_confkey, &count);
	for (int at = 0; at < count; at++)
		dbm_body_text(body, "referenced_column", get_attname(form->confrelid, numbers[at], false));
	if (form->confmatchtype != FKCONSTR_MATCH_SIMPLE)
		dbm_body_letter(body, "match", form->confmatchtype);
	if (form->confupdtype != FKCONSTR_ACTION_NOACTION)
		dbm_body_letter(body, "on_update", form->confupdtype);
	if (form->confdeltype != FKCONSTR_ACTION_NOACTION)
		dbm_body_letter(body, "on_delete", form->confdeltype);
	put_own_columns(body, relation, constraint, Anum_pg_constraint_confdelsetcols,
					"on_delete_column");
}

static void
put_check(StringInfo body, DbmColumns *columns, StoredConstraint *constraint)
{
	char *expression = dbm_tuple_text(constraint->tuple, constraint->descriptor,
									  Anum_pg_constraint_conbin);

	if (expression)
		dbm_body_text(body, "check", dbm_deparse(expression, columns));
	dbm_body_flag(body, "no_inherit", constraint->form->connoinherit);
}

static void
put_definition(DbmPass *pass, StringInfo body, DbmRelation *relation, StoredConstraint *constraint,
			   List *indexes)
{
	Form_pg_constraint form = constraint->form;
	DbmIndex *index;
	const Oid *operators;
	int count;

	switch (form->contype)
	{
		case CONSTRAINT_FOREIGN:
			put_foreign_key(pass, body, relation, constraint);
			break;
		case CONSTRAINT_CHECK:
			put_check(body, &relation->columns, constraint);
			break;
		default:
			operators = array_elements(constraint, Anum_pg_constraint_conexclop, &count);
			index = dbm_find_index(indexes, form->conindid);
			if (index == NULL)
				elog(ERROR, "constraint %u has no index", form->oid);
			dbm_put_index(pass, body, relation, index, operators);
			break;
	}
}

static void
describe_constraint(DbmPass *pass, DbmRelation *relation, StoredConstraint *constraint,
					List *indexes)
{
	Form_pg_constraint form = constraint->form;
	DbmDraft *draft = dbm_draft_begin(pass, "constraint",
									  dbm_identity_on(NameStr(form->conname), relation->identity));

	dbm_body_letter(draft->body, "type", form->contype);
	put_definition(pass, draft->body, relation, constraint, indexes);
	dbm_body_flag(draft->body, "deferrable", form->condeferrable);
	dbm_body_flag(draft->body, "deferred", form->condeferred);
	dbm_body_flag(draft->body, "not_valid", !form->convalidated);
	dbm_put_remarks(pass, draft->body, ConstraintRelationId, form->oid, 0);
	if (form->contype != CONSTRAINT_FOREIGN && OidIsValid(form->conindid))
		dbm_body_text(draft->body, "index_comment",
					  dbm_comment_of(pass, RelationRelationId, form->conindid, 0));
	dbm_draft_end(pass, draft);
}

/* Copies that the server makes and keeps in step are no objects of their own. */
static bool
is_derived(Form_pg_constraint form)
{
	switch (form->contype)
	{
		case CONSTRAINT_FOREIGN:
			return OidIsValid(form->conparentid);
		case CONSTRAINT_CHECK:
			return !form->conislocal;
		case CONSTRAINT_PRIMARY:
		case CONSTRAINT_UNIQUE:
		case CONSTRAINT_EXCLUSION:
			return false;
		default:
			return true;		/* constraint triggers are triggers, NOT NULL is the column's */
	}
}

void
dbm_describe_keys(DbmPass *pass, DbmRelation *relation)
{
	List *indexes = dbm_read_indexes(pass, relation);
	List *constraints = read_constraints(pass, DBM_CONSTRAINT_OF_RELATION, relation->oid);
	ListCell *cell;

	foreach(cell, constraints)
	{
		StoredConstraint *constraint = lfirst(cell);
		Form_pg_constraint form = constraint->form;

		if (is_derived(form))
			continue;
		describe_constraint(pass, relation, constraint, indexes);
		if (form->contype != CONSTRAINT_FOREIGN && form->contype != CONSTRAINT_CHECK)
			indexes = list_delete_ptr(indexes, dbm_find_index(indexes, form->conindid));
	}
	foreach(cell, indexes)
		dbm_describe_index(pass, relation, lfirst(cell));
}

void
dbm_describe_domain_constraints(DbmPass *pass, Oid domain, const char *identity)
{
	List *constraints = read_constraints(pass, DBM_CONSTRAINT_OF_DOMAIN, domain);
	ListCell *cell;

	foreach(cell, constraints)
	{
		StoredConstraint *constraint = lfirst(cell);
		Form_pg_constraint form = constraint->form;
		DbmDraft *draft;

		if (form->contype != CONSTRAINT_CHECK)
			continue;
		draft = dbm_draft_begin(pass, "constraint",
								dbm_identity_on(NameStr(form->conname), identity));
		dbm_body_letter(draft->body, "type", form->contype);
		put_check(draft->body, NULL, constraint);
		dbm_body_flag(draft->body, "not_valid", !form->convalidated);
		dbm_put_remarks(pass, draft->body, ConstraintRelationId, form->oid, 0);
		dbm_draft_end(pass, draft);
	}
}
