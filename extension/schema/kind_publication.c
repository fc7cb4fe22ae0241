/*
 * schema/kind_publication.c: publications, subscriptions
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_publication_namespace.h"
#include "catalog/pg_publication_rel.h"
#include "catalog/pg_subscription.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "schema/deparse.h"
#include "schema/kinds.h"
#include "schema/names.h"
#include "schema/properties.h"

static char *
describe_published_table(DbmPass *pass, DbmRows *rows, HeapTuple tuple)
{
	Form_pg_publication_rel form = (Form_pg_publication_rel) GETSTRUCT(tuple);
	char *filter = dbm_rows_text(rows, Anum_pg_publication_rel_prqual);
	StringInfoData entry;
	Datum columns;
	bool is_null;

	initStringInfo(&entry);
	dbm_body_text(&entry, "name", dbm_relation_identity(pass, form->prrelid));
	columns = dbm_rows_value(rows, Anum_pg_publication_rel_prattrs, &is_null);
	if (!is_null)
	{
		int2vector *numbers = (int2vector *) DatumGetPointer(columns);

		for (int at = 0; at < numbers->dim1; at++)
			dbm_body_text(&entry, "column", get_attname(form->prrelid, numbers->values[at], false));
	}
	if (filter)
		dbm_body_text(&entry, "where", dbm_deparse_over(filter, form->prrelid));
	return entry.data;
}

static void
put_published_tables(DbmPass *pass, StringInfo body, Oid publication)
{
	DbmRows *rows = dbm_rows(dbm_pass_reader(pass), DBM_PUBLICATION_REL_OF_PUBLICATION,
							 publication);
	List *entries = NIL;
	HeapTuple tuple;

	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		dbm_pass_member(pass, PublicationRelRelationId,
						((Form_pg_publication_rel) GETSTRUCT(tuple))->oid);
		entries = lappend(entries, describe_published_table(pass, rows, tuple));
	}
	dbm_put_sorted(body, "table", entries);
}

/* No index of this catalog begins with the publication; it is a small one. */
static void
put_published_schemas(DbmPass *pass, StringInfo body, Oid publication)
{
	Relation relation = table_open(PublicationNamespaceRelationId, AccessShareLock);
	List *names = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_publication_namespace_pnpubid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(publication));
	scan = systable_beginscan(relation, InvalidOid, false,
							  dbm_reader_snapshot(dbm_pass_reader(pass)), 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_publication_namespace form = (Form_pg_publication_namespace) GETSTRUCT(tuple);

		dbm_pass_member(pass, PublicationNamespaceRelationId, form->oid);
		names = lappend(names, (char *) dbm_schema_name(pass, form->pnnspid));
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	dbm_put_sorted(body, "schema", names);
}

void
dbm_describe_publication(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_publication form = (Form_pg_publication) GETSTRUCT(tuple);
	DbmDraft *draft;

	if (dbm_extension_member(pass, PublicationRelationId, form->oid))
		return;
	draft = dbm_draft_begin(pass, "publication", quote_identifier(NameStr(form->pubname)));
	dbm_put_owner(pass, draft->body, form->pubowner);
	dbm_body_flag(draft->body, "all_tables", form->puballtables);
	dbm_body_flag(draft->body, "insert", form->pubinsert);
	dbm_body_flag(draft->body, "update", form->pubupdate);
	dbm_body_flag(draft->body, "delete", form->pubdelete);
	dbm_body_flag(draft->body, "truncate", form->pubtruncate);
	dbm_body_flag(draft->body, "via_root", form->pubviaroot);
	put_published_tables(pass, draft->body, form->oid);
	put_published_schemas(pass, draft->body, form->oid);
	dbm_put_remarks(pass, draft->body, PublicationRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}

/*
 * Where a subscription connects to differs between environments and may hold a
 * password: it is no part of the schema.  Neither is whether it is enabled.
 */
void
dbm_describe_subscription(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Form_pg_subscription form = (Form_pg_subscription) GETSTRUCT(tuple);
	DbmDraft *draft;
	Datum value;
	bool is_null;

	/* the catalog is one for the whole cluster */
	if (form->subdbid != MyDatabaseId)
		return;
	draft = dbm_draft_begin(pass, "subscription", quote_identifier(NameStr(form->subname)));
	dbm_put_owner(pass, draft->body, form->subowner);
	value = dbm_tuple_value(tuple, descriptor, Anum_pg_subscription_subpublications, &is_null);
	dbm_put_options(draft->body, "publication", value, is_null);
	value = dbm_tuple_value(tuple, descriptor, Anum_pg_subscription_subslotname, &is_null);
	if (!is_null)
		dbm_body_text(draft->body, "slot", NameStr(*DatumGetName(value)));
	dbm_body_text(draft->body, "synchronous_commit",
				  dbm_tuple_text(tuple, descriptor, Anum_pg_subscription_subsynccommit));
	dbm_body_flag(draft->body, "binary", form->subbinary);
	dbm_body_integer(draft->body, "streaming", form->substream);
	dbm_body_flag(draft->body, "two_phase",
				  form->subtwophasestate != LOGICALREP_TWOPHASE_STATE_DISABLED);
	dbm_body_flag(draft->body, "disable_on_error", form->subdisableonerr);
	dbm_put_remarks(pass, draft->body, SubscriptionRelationId, form->oid, 0);
	dbm_draft_end(pass, draft);
}
