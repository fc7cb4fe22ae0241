/*
 * schema/kind_operator.c: operators, operator classes and families
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "commands/defrem.h"
#include "utils/builtins.h"

#include "schema/kinds.h"
#include "schema/names.h"
#include "schema/properties.h"

static void
put_operator(StringInfo body, const char *tag, Oid operator)
{
	if (OidIsValid(operator))
		dbm_body_text(body, tag, dbm_operator_identity(operator));
}

void
dbm_describe_operator(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_operator form = (Form_pg_operator) GETSTRUCT(tuple);
	DbmDraft *draft;

	/* one without a function was only ever mentioned, as somebody's commutator */
	if (!OidIsValid(form->oprcode) || !dbm_user_schema(pass, form->oprnamespace) ||
		dbm_extension_member(pass, OperatorRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "operator", dbm_operator_identity(form->oid));
	dbm_put_owner(pass, draft->body, form->oprowner);
	dbm_put_procedure(draft->body, "function", form->oprcode);
	put_operator(draft->body, "commutator", form->oprcom);
	put_operator(draft->body, "negator", form->oprnegate);
	dbm_put_procedure(draft->body, "restrict", form->oprrest);
	dbm_put_procedure(draft->body, "join", form->oprjoin);
	dbm_body_flag(draft->body, "merges", form->oprcanmerge);
	dbm_body_flag(draft->body, "hashes", form->oprcanhash);
	dbm_put_remarks(pass, draft->body, OperatorRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}

static char *
describe_member_operator(DbmPass *pass, Oid oid)
{
	HeapTuple tuple = dbm_row_copied(dbm_pass_reader(pass), DBM_AMOP_BY_OID, oid, NULL);
	Form_pg_amop form;
	StringInfoData entry;

	if (tuple == NULL)
		elog(ERROR, "cache lookup failed for access method operator %u", oid);
	form = (Form_pg_amop) GETSTRUCT(tuple);
	initStringInfo(&entry);
	dbm_body_integer(&entry, "strategy", form->amopstrategy);
	dbm_body_text(&entry, "left", dbm_type_identity(form->amoplefttype));
	dbm_body_text(&entry, "right", dbm_type_identity(form->amoprighttype));
	dbm_body_text(&entry, "operator", dbm_operator_identity(form->amopopr));
	if (OidIsValid(form->amopsortfamily))
		dbm_body_text(&entry, "order_by", dbm_opfamily_identity(pass, form->amopsortfamily));
	return entry.data;
}

static char *
describe_member_function(DbmPass *pass, Oid oid)
{
	HeapTuple tuple = dbm_row_copied(dbm_pass_reader(pass), DBM_AMPROC_BY_OID, oid, NULL);
	Form_pg_amproc form;
	StringInfoData entry;

	if (tuple == NULL)
		elog(ERROR, "cache lookup failed for access method function %u", oid);
	form = (Form_pg_amproc) GETSTRUCT(tuple);
	initStringInfo(&entry);
	dbm_body_integer(&entry, "number", form->amprocnum);
	dbm_body_text(&entry, "left", dbm_type_identity(form->amproclefttype));
	dbm_body_text(&entry, "right", dbm_type_identity(form->amprocrighttype));
	dbm_body_text(&entry, "function", dbm_procedure_identity(form->amproc));
	return entry.data;
}

/*
 * Whether an operator or function belongs to a class or only to its family is
 * known by nothing but its dependency.
 */
static void
put_members(DbmPass *pass, StringInfo body, Oid classid, Oid objid)
{
	DbmRows *rows = dbm_rows_pair(dbm_pass_reader(pass), DBM_DEPEND_ON_OBJECT, classid, objid);
	List *operators = NIL;
	List *functions = NIL;
	HeapTuple tuple;

	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->classid == AccessMethodOperatorRelationId)
			operators = lappend(operators, describe_member_operator(pass, form->objid));
		else if (form->classid == AccessMethodProcedureRelationId)
			functions = lappend(functions, describe_member_function(pass, form->objid));
		else
			continue;
		dbm_pass_member(pass, form->classid, form->objid);
	}
	dbm_put_sorted(body, "operator", operators);
	dbm_put_sorted(body, "support", functions);
}

void
dbm_describe_opclass(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_opclass form = (Form_pg_opclass) GETSTRUCT(tuple);
	DbmDraft *draft;

	if (!dbm_user_schema(pass, form->opcnamespace) ||
		dbm_extension_member(pass, OperatorClassRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "operator class",
							psprintf("%s USING %s", dbm_opclass_identity(pass, form->oid),
									 quote_identifier(get_am_name(form->opcmethod))));
	dbm_put_owner(pass, draft->body, form->opcowner);
	dbm_body_text(draft->body, "family", dbm_opfamily_identity(pass, form->opcfamily));
	dbm_body_text(draft->body, "type", dbm_type_identity(form->opcintype));
	if (OidIsValid(form->opckeytype))
		dbm_body_text(draft->body, "storage", dbm_type_identity(form->opckeytype));
	dbm_body_flag(draft->body, "default", form->opcdefault);
	put_members(pass, draft->body, OperatorClassRelationId, form->oid);
	dbm_put_remarks(pass, draft->body, OperatorClassRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}

void
dbm_describe_opfamily(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_opfamily form = (Form_pg_opfamily) GETSTRUCT(tuple);
	DbmDraft *draft;

	if (!dbm_user_schema(pass, form->opfnamespace) ||
		dbm_extension_member(pass, OperatorFamilyRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "operator family",
							psprintf("%s USING %s", dbm_opfamily_identity(pass, form->oid),
									 quote_identifier(get_am_name(form->opfmethod))));
	dbm_put_owner(pass, draft->body, form->opfowner);
	put_members(pass, draft->body, OperatorFamilyRelationId, form->oid);
	dbm_put_remarks(pass, draft->body, OperatorFamilyRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}

void
dbm_describe_access_method(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_am form = (Form_pg_am) GETSTRUCT(tuple);
	DbmDraft *draft;

	if (form->oid < FirstNormalObjectId ||
		dbm_extension_member(pass, AccessMethodRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "access method", quote_identifier(NameStr(form->amname)));
	dbm_body_letter(draft->body, "type", form->amtype);
	dbm_put_procedure(draft->body, "handler", form->amhandler);
	dbm_put_remarks(pass, draft->body, AccessMethodRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}
