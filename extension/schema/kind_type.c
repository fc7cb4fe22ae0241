/*
 * schema/kind_type.c: enums, domains, ranges, base types
 *
 * Composite types are relations and live in kind_relation.c.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_range.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "schema/constraint.h"
#include "schema/deparse.h"
#include "schema/kinds.h"
#include "schema/names.h"
#include "schema/properties.h"

/* A type being described. */
typedef struct Type
{
	HeapTuple tuple;
	TupleDesc descriptor;
	Form_pg_type form;
} Type;

static void
put_collation(DbmPass *pass, StringInfo body, Oid collation, Oid base)
{
	if (OidIsValid(collation) && collation != get_typcollation(base))
		dbm_body_text(body, "collation", dbm_collation_identity(pass, collation));
}

static void
put_domain(DbmPass *pass, StringInfo body, Type *type)
{
	Form_pg_type form = type->form;
	char *expression = dbm_tuple_text(type->tuple, type->descriptor, Anum_pg_type_typdefaultbin);

	dbm_body_text(body, "base", dbm_type_with_modifier(form->typbasetype, form->typtypmod));
	put_collation(pass, body, form->typcollation, form->typbasetype);
	dbm_body_flag(body, "not_null", form->typnotnull);
	if (expression)
		dbm_body_text(body, "default", dbm_deparse(expression, NULL));
}

static void
put_enum(DbmPass *pass, StringInfo body, Oid type)
{
	DbmRows *rows = dbm_rows(dbm_pass_reader(pass), DBM_ENUM_OF_TYPE, type);
	HeapTuple tuple;

	/* the index brings the labels in their order */
	while ((tuple = dbm_rows_next(rows)) != NULL)
		dbm_body_text(body, "label", NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));
}

static void
put_range(DbmPass *pass, StringInfo body, Oid type)
{
	HeapTuple tuple = dbm_row_copied(dbm_pass_reader(pass), DBM_RANGE_BY_TYPE, type, NULL);
	Form_pg_range form;

	if (tuple == NULL)
		elog(ERROR, "cache lookup failed for range type %u", type);
	form = (Form_pg_range) GETSTRUCT(tuple);
	dbm_body_text(body, "subtype", dbm_type_identity(form->rngsubtype));
	dbm_body_text(body, "operator_class", dbm_opclass_identity(pass, form->rngsubopc));
	put_collation(pass, body, form->rngcollation, form->rngsubtype);
	dbm_put_procedure(body, "canonical", form->rngcanonical);
	dbm_put_procedure(body, "difference", form->rngsubdiff);
	dbm_body_text(body, "multirange", dbm_type_identity(form->rngmultitypid));
	dbm_pass_member(pass, TypeRelationId, form->rngmultitypid);
	dbm_pass_member(pass, TypeRelationId, dbm_array_type(pass, form->rngmultitypid));
}

static void
put_base(StringInfo body, Type *type)
{
	Form_pg_type form = type->form;

	dbm_put_procedure(body, "input", form->typinput);
	dbm_put_procedure(body, "output", form->typoutput);
	dbm_put_procedure(body, "receive", form->typreceive);
	dbm_put_procedure(body, "send", form->typsend);
	dbm_put_procedure(body, "modifier_input", form->typmodin);
	dbm_put_procedure(body, "modifier_output", form->typmodout);
	dbm_put_procedure(body, "analyze", form->typanalyze);
	dbm_put_procedure(body, "subscript", form->typsubscript);
	dbm_body_integer(body, "length", form->typlen);
	dbm_body_flag(body, "by_value", form->typbyval);
	dbm_body_letter(body, "alignment", form->typalign);
	dbm_body_letter(body, "storage", form->typstorage);
	dbm_body_letter(body, "category", form->typcategory);
	dbm_body_flag(body, "preferred", form->typispreferred);
	dbm_body_letter(body, "delimiter", form->typdelim);
	dbm_body_flag(body, "collatable", OidIsValid(form->typcollation));
	if (OidIsValid(form->typelem))
		dbm_body_text(body, "element", dbm_type_identity(form->typelem));
	dbm_body_text(body, "default",
				  dbm_tuple_text(type->tuple, type->descriptor, Anum_pg_type_typdefault));
}

static void
put_form(DbmPass *pass, StringInfo body, Type *type)
{
	Form_pg_type form = type->form;

	if (!form->typisdefined)
	{
		dbm_body_text(body, "form", "shell");
		return;
	}
	switch (form->typtype)
	{
		case TYPTYPE_DOMAIN:
			put_domain(pass, body, type);
			break;
		case TYPTYPE_ENUM:
			dbm_body_text(body, "form", "enum");
			put_enum(pass, body, form->oid);
			break;
		case TYPTYPE_RANGE:
			dbm_body_text(body, "form", "range");
			put_range(pass, body, form->oid);
			break;
		default:
			dbm_body_text(body, "form", "base");
			put_base(body, type);
			break;
	}
}

/* Row types, arrays and multiranges are made by the server along with something else. */
static bool
is_derived(DbmPass *pass, Form_pg_type form)
{
	if (form->typtype == TYPTYPE_COMPOSITE || form->typtype == TYPTYPE_MULTIRANGE)
		return true;
	return OidIsValid(form->typelem) && dbm_array_type(pass, form->typelem) == form->oid;
}

void
dbm_describe_type(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Type type = {.tuple = tuple, .descriptor = descriptor};
	Form_pg_type form = (Form_pg_type) GETSTRUCT(tuple);
	bool domain = form->typtype == TYPTYPE_DOMAIN;
	DbmDraft *draft;
	char *identity;
	Datum acl;
	bool is_null;

	if (!dbm_user_schema(pass, form->typnamespace) || is_derived(pass, form))
		return;
	if (OidIsValid(form->typarray))
		dbm_pass_member(pass, TypeRelationId, form->typarray);
	if (dbm_extension_member(pass, TypeRelationId, form->oid))
		return;
	type.form = form;
	identity = dbm_type_identity(form->oid);
	draft = dbm_draft_begin(pass, domain ? "domain" : "type", identity);
	dbm_put_owner(pass, draft->body, form->typowner);
	acl = dbm_tuple_value(tuple, descriptor, Anum_pg_type_typacl, &is_null);
	dbm_put_privileges(pass, draft->body, acl, is_null, OBJECT_TYPE, form->typowner);
	dbm_put_remarks(pass, draft->body, TypeRelationId, form->oid, 0);
	put_form(pass, draft->body, &type);
	dbm_draft_end(pass, draft);
	if (domain)
		dbm_describe_domain_constraints(pass, form->oid, identity);
}
