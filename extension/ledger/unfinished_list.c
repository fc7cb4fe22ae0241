/*
 * ledger/unfinished_list.c: dbm_unfinished, all changes that are there in part
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"

#include "audit/refusal.h"
#include "core/compat.h"
#include "core/installed.h"
#include "ledger/change.h"
#include "ledger/tables.h"
#include "ledger/unfinished.h"
#include "pipeline/capability.h"

PG_FUNCTION_INFO_V1(dbm_unfinished);

/* A change that is partial, and its run. */
typedef struct PartialChange
{
	char *name;
	int64 run;
} PartialChange;

static int
compare_runs(const ListCell *left, const ListCell *right)
{
	const PartialChange *one = lfirst(left);
	const PartialChange *other = lfirst(right);

	return one->run > other->run ? -1 : one->run < other->run;
}

/* The one that was begun last comes first. */
static List *
find_partial(const char *wanted)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmScan *scan = dbm_scan_begin(&dbm_change_table, NULL, 0, NULL);
	List *found = NIL;

	while (dbm_scan_next(scan, row))
	{
		PartialChange *change;

		CHECK_FOR_INTERRUPTS();
		if (!dbm_change_is(row, "partial"))
			continue;
		change = palloc(sizeof(PartialChange));
		change->name = dbm_row_text(row, DBM_CHANGE_CHANGE);
		change->run = dbm_row_int64(row, DBM_CHANGE_APPLIED_RUN);
		if (wanted == NULL || strcmp(change->name, wanted) == 0)
			found = lappend(found, change);
	}
	dbm_scan_end(scan);
	list_sort(found, compare_runs);
	return found;
}

static void
put_row(ReturnSetInfo *result, DbmUnfinished *unfinished)
{
	Datum values[7] = {0};
	bool nulls[7] = {false};
	char *proof = dbm_unfinished_prove(unfinished);
	const char *evidence = proof ? proof : unfinished->evidence;

	values[0] = CStringGetTextDatum(unfinished->change);
	values[1] = Int64GetDatum(unfinished->run);
	values[2] = CStringGetTextDatum(unfinished->rollback ? "rollback" : "deploy");
	values[3] = CStringGetTextDatum(unfinished->state);
	values[4] = CStringGetTextDatum(unfinished->where);
	nulls[5] = evidence == NULL;
	if (evidence)
		values[5] = CStringGetTextDatum(evidence);
	values[6] = BoolGetDatum(unfinished->wants_word);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static Datum
unfinished_body(PG_FUNCTION_ARGS)
{
	char *wanted = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	ListCell *cell;

	dbm_require_initialised();
	dbm_capability_require_any("dbm_unfinished");
	dbm_init_set_result(fcinfo);
	foreach (cell, find_partial(wanted))
	{
		DbmUnfinished unfinished;

		if (dbm_unfinished_read(((PartialChange *) lfirst(cell))->name, &unfinished))
			put_row((ReturnSetInfo *) fcinfo->resultinfo, &unfinished);
	}
	return (Datum) 0;
}

Datum
dbm_unfinished(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_unfinished", unfinished_body);
}
