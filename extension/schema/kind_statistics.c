/*
 * schema/kind_statistics.c: extended statistics of a relation
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_statistic_ext.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "schema/names.h"
#include "schema/properties.h"
#include "schema/relation.h"

static int
compare_letters(const void *a, const void *b)
{
	return *(const unsigned char *) a - *(const unsigned char *) b;
}

static void
put_statistics_kinds(StringInfo body, Datum kinds)
{
	ArrayType *array = DatumGetArrayTypePCopy(kinds);
	int count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	char *letters = ARR_DATA_PTR(array);

	qsort(letters, count, 1, compare_letters);
	dbm_body_bytes(body, "kinds", letters, count);
}

static void
put_statistics(DbmPass *pass, StringInfo body, DbmRelation *relation, DbmRows *rows,
			   HeapTuple tuple)
{
	Form_pg_statistic_ext form = (Form_pg_statistic_ext) GETSTRUCT(tuple);
	TupleDesc descriptor = dbm_source_descriptor(dbm_pass_reader(pass), DBM_STATISTIC_OF_RELATION);
	char *expressions = dbm_rows_text(rows, Anum_pg_statistic_ext_stxexprs);
	int target;
	bool is_null;

	dbm_body_text(body, "table", relation->identity);
	dbm_put_owner(pass, body, form->stxowner);
	put_statistics_kinds(body, dbm_rows_value(rows, Anum_pg_statistic_ext_stxkind, &is_null));
	dbm_put_column_names(body, "column", relation, form->stxkeys.values, form->stxkeys.dim1);
	if (expressions)
	{
		ListCell *cell;

		foreach(cell, dbm_deparse_list(expressions, &relation->columns))
			dbm_body_text(body, "expression", lfirst(cell));
	}
	target = dbm_statistics_target(tuple, descriptor, Anum_pg_statistic_ext_stxstattarget);
	if (target >= 0)
		dbm_body_integer(body, "statistics", target);
	dbm_put_remarks(pass, body, StatisticExtRelationId, form->oid, 0);
}

void
dbm_describe_statistics(DbmPass *pass, DbmRelation *relation)
{
	DbmRows *rows = dbm_rows(dbm_pass_reader(pass), DBM_STATISTIC_OF_RELATION, relation->oid);
	HeapTuple tuple;

	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		Form_pg_statistic_ext form = (Form_pg_statistic_ext) GETSTRUCT(tuple);
		DbmDraft *draft = dbm_draft_begin(
			pass, "statistics", dbm_qualified(pass, form->stxnamespace, NameStr(form->stxname)));

		dbm_pass_member(pass, StatisticExtRelationId, form->oid);
		put_statistics(pass, draft->body, relation, rows, tuple);
		dbm_draft_end(pass, draft);
	}
}
