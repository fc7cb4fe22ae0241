/*
 * schema/kind_schema.c: schemas, extensions, event triggers, default privileges
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "commands/trigger.h"
#include "utils/builtins.h"

#include "schema/kinds.h"
#include "schema/names.h"
#include "schema/properties.h"

void
dbm_describe_schema(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_namespace form = (Form_pg_namespace) GETSTRUCT(tuple);
	DbmDraft *draft;
	Datum acl;
	bool is_null;

	if (!dbm_user_schema(pass, form->oid) ||
		dbm_extension_member(pass, NamespaceRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "schema", quote_identifier(NameStr(form->nspname)));
	dbm_put_owner(pass, draft->body, form->nspowner);
	acl = dbm_tuple_value(tuple, descriptor, Anum_pg_namespace_nspacl, &is_null);
	dbm_put_privileges(pass, draft->body, acl, is_null, OBJECT_SCHEMA, form->nspowner);
	dbm_put_remarks(pass, draft->body, NamespaceRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}

/* The version is not in a dump: a server upgrade changes it, and a restore takes the newest. */
static void
describe_version(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_extension form = (Form_pg_extension) GETSTRUCT(tuple);
	DbmDraft *draft = dbm_draft_begin(pass, "extension version",
									  quote_identifier(NameStr(form->extname)));

	draft->extra = true;
	dbm_body_text(draft->body, "version",
				  dbm_tuple_text(tuple, descriptor, Anum_pg_extension_extversion));
	dbm_put_owner(pass, draft->body, form->extowner);
	dbm_draft_end(pass, draft);
}

void
dbm_describe_extension(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_extension form = (Form_pg_extension) GETSTRUCT(tuple);
	DbmDraft *draft;

	/* what initdb makes (plpgsql) is no part of a dump either */
	if (form->oid < FirstNormalObjectId || form->oid == dbm_pass_own_extension(pass))
		return;
	draft = dbm_draft_begin(pass, "extension", quote_identifier(NameStr(form->extname)));
	dbm_body_text(draft->body, "schema", dbm_schema_name(pass, form->extnamespace));
	dbm_put_remarks(pass, draft->body, ExtensionRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
	describe_version(pass, tuple, descriptor);
}

void
dbm_describe_event_trigger(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_event_trigger form = (Form_pg_event_trigger) GETSTRUCT(tuple);
	DbmDraft *draft;
	Datum tags;
	bool is_null;

	if (dbm_extension_member(pass, EventTriggerRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "event trigger", quote_identifier(NameStr(form->evtname)));
	dbm_put_owner(pass, draft->body, form->evtowner);
	dbm_body_text(draft->body, "event", NameStr(form->evtevent));
	tags = dbm_tuple_value(tuple, descriptor, Anum_pg_event_trigger_evttags, &is_null);
	dbm_put_options(draft->body, "tag", tags, is_null);
	dbm_body_text(draft->body, "function", dbm_procedure_identity(form->evtfoid));
	if (form->evtenabled != TRIGGER_FIRES_ON_ORIGIN)
		dbm_body_letter(draft->body, "enabled", form->evtenabled);
	dbm_put_remarks(pass, draft->body, EventTriggerRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}

static const char *
default_acl_objects(char type)
{
	switch (type)
	{
		case DEFACLOBJ_RELATION:
			return "tables";
		case DEFACLOBJ_SEQUENCE:
			return "sequences";
		case DEFACLOBJ_FUNCTION:
			return "functions";
		case DEFACLOBJ_TYPE:
			return "types";
		case DEFACLOBJ_NAMESPACE:
			return "schemas";
		default:
			return psprintf("objects of type %c", type);
	}
}

void
dbm_describe_default_acl(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_default_acl form = (Form_pg_default_acl) GETSTRUCT(tuple);
	StringInfoData identity;
	DbmDraft *draft;

	initStringInfo(&identity);
	appendStringInfo(&identity, "for role %s",
					 quote_identifier(dbm_role_name(pass, form->defaclrole)));
	if (OidIsValid(form->defaclnamespace))
		appendStringInfo(&identity, " in schema %s",
						 quote_identifier(dbm_schema_name(pass, form->defaclnamespace)));
	appendStringInfo(&identity, " on %s", default_acl_objects(form->defaclobjtype));

	draft = dbm_draft_begin(pass, "default acl", identity.data);
	dbm_put_grants(pass, draft->body,
				   dbm_tuple_datum(tuple, descriptor, Anum_pg_default_acl_defaclacl));
	dbm_draft_end(pass, draft);
}
