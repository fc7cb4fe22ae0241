/*
 * schema/kind_text_search.c: text search configurations, dictionaries,
 * templates, parsers
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_config_map.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_ts_parser.h"
#include "catalog/pg_ts_template.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "schema/kinds.h"
#include "schema/names.h"
#include "schema/properties.h"

/* Name of an object of one of the four catalogs, whose rows begin alike: oid, name, schema. */
static char *
text_search_identity(DbmPass *pass, int cache, Oid oid)
{
	HeapTuple tuple = SearchSysCache1(cache, ObjectIdGetDatum(oid));
	Form_pg_ts_config form;
	char *identity;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for text search object %u", oid);
	form = (Form_pg_ts_config) GETSTRUCT(tuple);
	identity = dbm_qualified(pass, form->cfgnamespace, NameStr(form->cfgname));
	ReleaseSysCache(tuple);
	return identity;
}

/* Tokens by number: their names are the parser's to tell, and cost a call of it. */
static void
put_mappings(DbmPass *pass, StringInfo body, Oid config)
{
	DbmRows *rows = dbm_rows(dbm_pass_reader(pass), DBM_TS_CONFIG_MAP_OF_CONFIG, config);
	HeapTuple tuple;

	/* the index brings them by token and rank */
	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		Form_pg_ts_config_map form = (Form_pg_ts_config_map) GETSTRUCT(tuple);
		int opened = dbm_body_open(body);

		dbm_body_integer(body, "token", form->maptokentype);
		dbm_body_text(body, "dictionary", text_search_identity(pass, TSDICTOID, form->mapdict));
		dbm_body_close(body, "mapping", opened);
	}
}

void
dbm_describe_ts_config(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_ts_config form = (Form_pg_ts_config) GETSTRUCT(tuple);
	DbmDraft *draft;

	if (!dbm_user_schema(pass, form->cfgnamespace) ||
		dbm_extension_member(pass, TSConfigRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "text search configuration",
							dbm_qualified(pass, form->cfgnamespace, NameStr(form->cfgname)));
	dbm_put_owner(pass, draft->body, form->cfgowner);
	dbm_body_text(draft->body, "parser", text_search_identity(pass, TSPARSEROID, form->cfgparser));
	put_mappings(pass, draft->body, form->oid);
	dbm_put_remarks(pass, draft->body, TSConfigRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}

void
dbm_describe_ts_dict(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_ts_dict form = (Form_pg_ts_dict) GETSTRUCT(tuple);
	DbmDraft *draft;

	if (!dbm_user_schema(pass, form->dictnamespace) ||
		dbm_extension_member(pass, TSDictionaryRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "text search dictionary",
							dbm_qualified(pass, form->dictnamespace, NameStr(form->dictname)));
	dbm_put_owner(pass, draft->body, form->dictowner);
	dbm_body_text(draft->body, "template",
				  text_search_identity(pass, TSTEMPLATEOID, form->dicttemplate));
	dbm_body_text(draft->body, "options",
				  dbm_tuple_text(tuple, descriptor, Anum_pg_ts_dict_dictinitoption));
	dbm_put_remarks(pass, draft->body, TSDictionaryRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}

void
dbm_describe_ts_template(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_ts_template form = (Form_pg_ts_template) GETSTRUCT(tuple);
	DbmDraft *draft;

	if (!dbm_user_schema(pass, form->tmplnamespace) ||
		dbm_extension_member(pass, TSTemplateRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "text search template",
							dbm_qualified(pass, form->tmplnamespace, NameStr(form->tmplname)));
	dbm_put_procedure(draft->body, "init", form->tmplinit);
	dbm_put_procedure(draft->body, "lexize", form->tmpllexize);
	dbm_put_remarks(pass, draft->body, TSTemplateRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}

void
dbm_describe_ts_parser(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_ts_parser form = (Form_pg_ts_parser) GETSTRUCT(tuple);
	DbmDraft *draft;

	if (!dbm_user_schema(pass, form->prsnamespace) ||
		dbm_extension_member(pass, TSParserRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "text search parser",
							dbm_qualified(pass, form->prsnamespace, NameStr(form->prsname)));
	dbm_put_procedure(draft->body, "start", form->prsstart);
	dbm_put_procedure(draft->body, "token", form->prstoken);
	dbm_put_procedure(draft->body, "end", form->prsend);
	dbm_put_procedure(draft->body, "headline", form->prsheadline);
	dbm_put_procedure(draft->body, "lextypes", form->prslextype);
	dbm_put_remarks(pass, draft->body, TSParserRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}
