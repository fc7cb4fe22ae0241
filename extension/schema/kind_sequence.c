/*
 * schema/kind_sequence.c: what a sequence counts and who owns it, not where it is
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/dependency.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_sequence.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "schema/names.h"
#include "schema/relation.h"

static void
put_owning_column(DbmPass *pass, StringInfo body, DbmRelation *relation)
{
	DbmRows *rows = dbm_rows_pair(dbm_pass_reader(pass), DBM_DEPEND_OF_OBJECT, RelationRelationId,
								  relation->oid);
	HeapTuple tuple;

	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		Form_pg_depend depend = (Form_pg_depend) GETSTRUCT(tuple);
		bool identity = depend->deptype == DEPENDENCY_INTERNAL;
		int opened;

		if (depend->refclassid != RelationRelationId || depend->refobjsubid == 0 ||
			(!identity && depend->deptype != DEPENDENCY_AUTO))
			continue;
		opened = dbm_body_open(body);
		dbm_body_text(body, "table", dbm_relation_identity(pass, depend->refobjid));
		dbm_body_text(body, "column", get_attname(depend->refobjid, depend->refobjsubid, false));
		dbm_body_close(body, identity ? "identity_of" : "owned_by", opened);
	}
}

void
dbm_put_sequence(DbmPass *pass, StringInfo body, DbmRelation *relation)
{
	HeapTuple tuple = dbm_row_copied(dbm_pass_reader(pass), DBM_SEQUENCE_BY_RELATION, relation->oid,
									 NULL);
	Form_pg_sequence form;

	if (tuple == NULL)
		elog(ERROR, "cache lookup failed for sequence %u", relation->oid);
	form = (Form_pg_sequence) GETSTRUCT(tuple);
	dbm_body_text(body, "type", dbm_type_identity(form->seqtypid));
	dbm_body_integer(body, "start", form->seqstart);
	dbm_body_integer(body, "increment", form->seqincrement);
	dbm_body_integer(body, "minimum", form->seqmin);
	dbm_body_integer(body, "maximum", form->seqmax);
	dbm_body_integer(body, "cache", form->seqcache);
	dbm_body_flag(body, "cycle", form->seqcycle);
	put_owning_column(pass, body, relation);
}
