/*
 * schema/kind_foreign.c: foreign-data wrappers, servers, user mappings
 *
 * Foreign tables are relations and live in kind_relation.c.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "foreign/foreign.h"
#include "utils/builtins.h"

#include "schema/kinds.h"
#include "schema/names.h"
#include "schema/properties.h"

void
dbm_describe_foreign_wrapper(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_foreign_data_wrapper form = (Form_pg_foreign_data_wrapper) GETSTRUCT(tuple);
	DbmDraft *draft;
	Datum value;
	bool is_null;

	if (form->oid < FirstNormalObjectId ||
		dbm_extension_member(pass, ForeignDataWrapperRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "foreign data wrapper", quote_identifier(NameStr(form->fdwname)));
	dbm_put_owner(pass, draft->body, form->fdwowner);
	value = dbm_tuple_value(tuple, descriptor, Anum_pg_foreign_data_wrapper_fdwacl, &is_null);
	dbm_put_privileges(pass, draft->body, value, is_null, OBJECT_FDW, form->fdwowner);
	dbm_put_procedure(draft->body, "handler", form->fdwhandler);
	dbm_put_procedure(draft->body, "validator", form->fdwvalidator);
	value = dbm_tuple_value(tuple, descriptor, Anum_pg_foreign_data_wrapper_fdwoptions, &is_null);
	dbm_put_foreign_options(draft->body, value, is_null);
	dbm_put_remarks(pass, draft->body, ForeignDataWrapperRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}

void
dbm_describe_server(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_foreign_server form = (Form_pg_foreign_server) GETSTRUCT(tuple);
	DbmDraft *draft;
	Datum value;
	bool is_null;

	if (dbm_extension_member(pass, ForeignServerRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "server", quote_identifier(NameStr(form->srvname)));
	dbm_put_owner(pass, draft->body, form->srvowner);
	value = dbm_tuple_value(tuple, descriptor, Anum_pg_foreign_server_srvacl, &is_null);
	dbm_put_privileges(pass, draft->body, value, is_null, OBJECT_FOREIGN_SERVER, form->srvowner);
	dbm_body_text(draft->body, "wrapper", GetForeignDataWrapper(form->srvfdw)->fdwname);
	dbm_body_text(draft->body, "type",
				  dbm_tuple_text(tuple, descriptor, Anum_pg_foreign_server_srvtype));
	dbm_body_text(draft->body, "version",
				  dbm_tuple_text(tuple, descriptor, Anum_pg_foreign_server_srvversion));
	value = dbm_tuple_value(tuple, descriptor, Anum_pg_foreign_server_srvoptions, &is_null);
	dbm_put_foreign_options(draft->body, value, is_null);
	dbm_put_remarks(pass, draft->body, ForeignServerRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}

void
dbm_describe_user_mapping(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_user_mapping form = (Form_pg_user_mapping) GETSTRUCT(tuple);
	const char *user = OidIsValid(form->umuser)
						   ? quote_identifier(dbm_role_name(pass, form->umuser))
						   : "public";
	const char *server = quote_identifier(GetForeignServer(form->umserver)->servername);
	DbmDraft *draft;
	Datum value;
	bool is_null;

	if (dbm_extension_member(pass, UserMappingRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "user mapping", psprintf("%s on server %s", user, server));
	value = dbm_tuple_value(tuple, descriptor, Anum_pg_user_mapping_umoptions, &is_null);
	dbm_put_foreign_options(draft->body, value, is_null);
	dbm_draft_end(pass, draft);
}
