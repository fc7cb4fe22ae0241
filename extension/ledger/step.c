/*
 * ledger/step.c: rows of table run_step
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "parser/parser.h"
#include "utils/fmgroids.h"

#include "ledger/step.h"
#include "ledger/tables.h"

bool
dbm_step_is(const DbmRow *row, const char *state)
{
	return strcmp(dbm_row_text(row, DBM_RUN_STEP_STATE), state) == 0;
}

static DbmScan *
begin_scan(int64 run, int ordinal, int part)
{
	ScanKeyData keys[3];

	ScanKeyInit(&keys[0], DBM_RUN_STEP_RUN + 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(run));
	ScanKeyInit(&keys[1], DBM_RUN_STEP_ORDINAL + 1, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(ordinal));
	ScanKeyInit(&keys[2], DBM_RUN_STEP_PART + 1, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(part));
	return dbm_scan_begin(&dbm_run_step_table, dbm_run_step_table.primary_key, ordinal == 0 ? 1 : 3,
						  keys);
}

bool
dbm_step_find(int64 run, int ordinal, int part, DbmRow *row, ItemPointer tid)
{
	DbmScan *scan = begin_scan(run, ordinal, part);
	bool found = dbm_scan_next(scan, row);

	if (found)
	{
		dbm_row_copy(row);
		*tid = dbm_scan_tid(scan);
	}
	dbm_scan_end(scan);
	return found;
}

DbmRow *
dbm_step_row(int64 run, const DbmStep *step, int part, const DbmScript *script)
{
	DbmRow *row = dbm_row_make(&dbm_run_step_table);

	dbm_row_set_int64(row, DBM_RUN_STEP_RUN, run);
	dbm_row_set(row, DBM_RUN_STEP_ORDINAL, Int32GetDatum(step->ordinal));
	dbm_row_set(row, DBM_RUN_STEP_PART, Int32GetDatum(part));
	dbm_row_set_text(row, DBM_RUN_STEP_KIND, step->single ? "single" : "transaction");
	dbm_row_set(row, DBM_RUN_STEP_FIRST_STATEMENT, Int32GetDatum(step->first));
	dbm_row_set(row, DBM_RUN_STEP_LAST_STATEMENT, Int32GetDatum(step->last));
	dbm_row_set(row, DBM_RUN_STEP_LINE, Int32GetDatum(script->statements[step->first - 1].line));
	dbm_row_set_text(row, DBM_RUN_STEP_SUBJECT, step->subject);
	dbm_row_set_text(row, DBM_RUN_STEP_REASON, step->reason);
	dbm_row_set_text(row, DBM_RUN_STEP_STATE, "planned");
	return row;
}

void
dbm_step_write(const DbmRow *row)
{
	DbmRow *present = dbm_row_make(&dbm_run_step_table);
	ItemPointerData tid;

	if (dbm_step_find(dbm_row_int64(row, DBM_RUN_STEP_RUN),
					  DatumGetInt32(row->values[DBM_RUN_STEP_ORDINAL]),
					  DatumGetInt32(row->values[DBM_RUN_STEP_PART]), present, &tid))
		dbm_table_update(row, &tid);
	else
		dbm_table_insert(row);
}

void
dbm_step_write_plan(int64 run, List *steps, const DbmScript *script)
{
	ListCell *cell;

	foreach (cell, steps)
		dbm_table_insert(dbm_step_row(run, lfirst(cell), 1, script));
}

static DbmStep *
read_step(const DbmRow *row)
{
	DbmStep *step = palloc0(sizeof(DbmStep));

	step->ordinal = DatumGetInt32(row->values[DBM_RUN_STEP_ORDINAL]);
	step->subject = dbm_row_text(row, DBM_RUN_STEP_SUBJECT);
	/* a part of a single statement may be a transaction */
	step->single = step->subject != NULL;
	step->first = DatumGetInt32(row->values[DBM_RUN_STEP_FIRST_STATEMENT]);
	step->last = DatumGetInt32(row->values[DBM_RUN_STEP_LAST_STATEMENT]);
	step->reason = dbm_row_text(row, DBM_RUN_STEP_REASON);
	return step;
}

List *
dbm_step_read_plan(int64 run)
{
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	DbmScan *scan = begin_scan(run, 0, 0);
	List *steps = NIL;

	while (dbm_scan_next(scan, row))
	{
		if (DatumGetInt32(row->values[DBM_RUN_STEP_PART]) == 1)
			steps = lappend(steps, read_step(row));
	}
	dbm_scan_end(scan);
	return steps;
}

#define OF_ANOTHER_RUN "On record of run "

/* The permit of the other run is no permit for this one. */
static DbmRow *
copy_row(const DbmRow *row, const DbmStep *step, int64 run, const DbmScript *script)
{
	DbmRow *copy = dbm_step_row(run, step, DatumGetInt32(row->values[DBM_RUN_STEP_PART]), script);
	const char *evidence = dbm_row_text(row, DBM_RUN_STEP_EVIDENCE);

	for (int column = DBM_RUN_STEP_STATEMENT; column < DBM_RUN_STEP_COLUMNS; column++)
	{
		copy->values[column] = row->values[column];
		copy->nulls[column] = row->nulls[column];
	}
	copy->values[DBM_RUN_STEP_KIND] = row->values[DBM_RUN_STEP_KIND];
	for (int column = DBM_RUN_STEP_PERMIT; column <= DBM_RUN_STEP_WORKER_PID; column++)
		copy->nulls[column] = true;
	if (evidence && strncmp(evidence, OF_ANOTHER_RUN, strlen(OF_ANOTHER_RUN)) != 0)
		dbm_row_set_text(copy, DBM_RUN_STEP_EVIDENCE,
						 psprintf("%s" INT64_FORMAT ": %s", OF_ANOTHER_RUN,
								  dbm_row_int64(row, DBM_RUN_STEP_RUN), evidence));
	return copy;
}

void
dbm_step_copy(int64 from, const DbmStep *step, int64 to, const DbmScript *script)
{
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	ItemPointerData tid;

	for (int part = 1; dbm_step_find(from, step->ordinal, part, row, &tid); part++)
		dbm_table_insert(copy_row(row, step, to, script));
}

int
dbm_step_count(int64 run, const char *state)
{
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	DbmScan *scan = begin_scan(run, 0, 0);
	int count = 0;

	while (dbm_scan_next(scan, row))
		count += dbm_step_is(row, state) &&
				 DatumGetInt32(row->values[DBM_RUN_STEP_PART]) < DBM_STEP_REPAIR;
	dbm_scan_end(scan);
	return count;
}

static bool
is_done(const DbmRow *row)
{
	return dbm_step_is(row, "done") || dbm_step_is(row, "adopted");
}

bool
dbm_step_is_done(int64 run, const DbmStep *step)
{
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	DbmScan *scan = begin_scan(run, 0, 0);
	bool done = true;

	while (done && dbm_scan_next(scan, row))
	{
		if (DatumGetInt32(row->values[DBM_RUN_STEP_ORDINAL]) == step->ordinal &&
			DatumGetInt32(row->values[DBM_RUN_STEP_PART]) < DBM_STEP_REPAIR)
			done = is_done(row);
	}
	dbm_scan_end(scan);
	return done;
}

bool
dbm_step_part_is_done(int64 run, const DbmStep *step, int part)
{
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	ItemPointerData tid;

	return dbm_step_find(run, step->ordinal, part, row, &tid) && is_done(row);
}

void
dbm_step_set_error(DbmRow *row, const ErrorData *edata)
{
	dbm_row_set_text(row, DBM_RUN_STEP_SQLSTATE, unpack_sql_state(edata->sqlerrcode));
	dbm_row_set_text(row, DBM_RUN_STEP_MESSAGE, edata->message);
	dbm_row_set_text(row, DBM_RUN_STEP_DETAIL, edata->detail);
}

RawStmt *
dbm_step_parse(const char *text)
{
	List *parsed = raw_parser(text, RAW_PARSE_DEFAULT);

	if (list_length(parsed) != 1)
		elog(ERROR, "a step holds %d statements", list_length(parsed));
	return linitial_node(RawStmt, parsed);
}
