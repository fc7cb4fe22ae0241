/*
 * schema/kind_language.c: languages, casts, transforms, collations, conversions
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_language.h"
#include "catalog/pg_transform.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "schema/kinds.h"
#include "schema/names.h"
#include "schema/properties.h"

void
dbm_describe_language(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_language form = (Form_pg_language) GETSTRUCT(tuple);
	DbmDraft *draft;
	Datum acl;
	bool is_null;

	if (form->oid < FirstNormalObjectId || !form->lanispl ||
		dbm_extension_member(pass, LanguageRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "language", quote_identifier(NameStr(form->lanname)));
	dbm_put_owner(pass, draft->body, form->lanowner);
	acl = dbm_tuple_value(tuple, descriptor, Anum_pg_language_lanacl, &is_null);
	dbm_put_privileges(pass, draft->body, acl, is_null, OBJECT_LANGUAGE, form->lanowner);
	dbm_body_flag(draft->body, "trusted", form->lanpltrusted);
	dbm_put_procedure(draft->body, "handler", form->lanplcallfoid);
	dbm_put_procedure(draft->body, "inline", form->laninline);
	dbm_put_procedure(draft->body, "validator", form->lanvalidator);
	dbm_put_remarks(pass, draft->body, LanguageRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}

void
dbm_describe_cast(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_cast form = (Form_pg_cast) GETSTRUCT(tuple);
	DbmDraft *draft;

	/* the cast from a range to its multirange is a part of the range */
	if (form->oid < FirstNormalObjectId || dbm_extension_member(pass, CastRelationId, form->oid) ||
		dbm_internal_part(pass, CastRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "cast",
							psprintf("(%s AS %s)", dbm_type_identity(form->castsource),
									 dbm_type_identity(form->casttarget)));
	dbm_put_procedure(draft->body, "function", form->castfunc);
	dbm_body_letter(draft->body, "method", form->castmethod);
	dbm_body_letter(draft->body, "context", form->castcontext);
	dbm_put_remarks(pass, draft->body, CastRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}

void
dbm_describe_transform(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_transform form = (Form_pg_transform) GETSTRUCT(tuple);
	DbmDraft *draft;

	if (form->oid < FirstNormalObjectId ||
		dbm_extension_member(pass, TransformRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "transform",
							psprintf("for %s language %s", dbm_type_identity(form->trftype),
									 quote_identifier(get_language_name(form->trflang, false))));
	dbm_put_procedure(draft->body, "from_sql", form->trffromsql);
	dbm_put_procedure(draft->body, "to_sql", form->trftosql);
	dbm_put_remarks(pass, draft->body, TransformRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}

/* The version comes with the operating system, not with the schema. */
static void
describe_collation_version(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor,
						   const char *identity)
{
	char *version = dbm_tuple_text(tuple, descriptor, Anum_pg_collation_collversion);
	DbmDraft *draft;

	if (version == NULL)
		return;
	draft = dbm_draft_begin(pass, "collation version", identity);
	draft->extra = true;
	dbm_body_text(draft->body, "version", version);
	dbm_draft_end(pass, draft);
}

void
dbm_describe_collation(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_collation form = (Form_pg_collation) GETSTRUCT(tuple);
	char *identity;
	DbmDraft *draft;

	if (!dbm_user_schema(pass, form->collnamespace) ||
		dbm_extension_member(pass, CollationRelationId, form->oid))
		return;
	identity = dbm_collation_identity(pass, form->oid);
	draft = dbm_draft_begin(pass, "collation", identity);
	dbm_put_owner(pass, draft->body, form->collowner);
	dbm_body_letter(draft->body, "provider", form->collprovider);
	dbm_body_flag(draft->body, "nondeterministic", !form->collisdeterministic);
	dbm_body_text(draft->body, "collate",
				  dbm_tuple_text(tuple, descriptor, Anum_pg_collation_collcollate));
	dbm_body_text(draft->body, "ctype",
				  dbm_tuple_text(tuple, descriptor, Anum_pg_collation_collctype));
	dbm_body_text(draft->body, "locale", dbm_tuple_text(tuple, descriptor, DBM_COLLATION_LOCALE));
	if (DBM_COLLATION_RULES != InvalidAttrNumber)
		dbm_body_text(draft->body, "rules", dbm_tuple_text(tuple, descriptor, DBM_COLLATION_RULES));
	dbm_put_remarks(pass, draft->body, CollationRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
	describe_collation_version(pass, tuple, descriptor, identity);
}

void
dbm_describe_conversion(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_conversion form = (Form_pg_conversion) GETSTRUCT(tuple);
	DbmDraft *draft;

	if (!dbm_user_schema(pass, form->connamespace) ||
		dbm_extension_member(pass, ConversionRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "conversion",
							dbm_qualified(pass, form->connamespace, NameStr(form->conname)));
	dbm_put_owner(pass, draft->body, form->conowner);
	dbm_body_text(draft->body, "from", pg_encoding_to_char(form->conforencoding));
	dbm_body_text(draft->body, "to", pg_encoding_to_char(form->contoencoding));
	dbm_put_procedure(draft->body, "function", form->conproc);
	dbm_body_flag(draft->body, "default", form->condefault);
	dbm_put_remarks(pass, draft->body, ConversionRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}
