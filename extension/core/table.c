/*
 * core/table.c: rows in and out of the tables of schema dbmaestro
 *
 * Writing follows what the executor does for a plain INSERT, without triggers,
 * rules, defaults and row security (compare ExecSimpleRelationInsert).
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_relation.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/checks.h"
#include "core/compat.h"
#include "core/digest.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/own_writes.h"
#include "core/sequence.h"
#include "core/table.h"
#include "core/table_shape.h"

/* objsubid of our lock on a table as an object; the server locks tables as relations */
#define WRITERS_LOCK 1

struct DbmWriter
{
	const DbmTable *table;
	Relation relation;
	EState *estate;
	ResultRelInfo *result;
	TupleTableSlot *slot;
	bool pushed_snapshot;
};

struct DbmScan
{
	const DbmTable *table;
	Relation relation;
	Relation index;
	SysScanDesc unordered;
	SysScanDesc ordered;
	HeapTuple current;
	Snapshot snapshot;
};

DbmRow *
dbm_row_make(const DbmTable *table)
{
	DbmRow *row = palloc0(sizeof(DbmRow));

	row->table = table;
	memset(row->nulls, true, sizeof(row->nulls));
	return row;
}

void
dbm_row_set(DbmRow *row, int column, Datum value)
{
	Assert(column < row->table->ncolumns);
	row->values[column] = value;
	row->nulls[column] = false;
}

void
dbm_row_set_text(DbmRow *row, int column, const char *value)
{
	if (value)
		dbm_row_set(row, column, CStringGetTextDatum(value));
}

void
dbm_row_set_bytes(DbmRow *row, int column, const uint8 *bytes, size_t length)
{
	if (bytes)
		dbm_row_set(row, column, PointerGetDatum(dbm_bytea(bytes, length)));
}

void
dbm_row_set_digest(DbmRow *row, int column, const uint8 *digest)
{
	dbm_row_set_bytes(row, column, digest, DBM_DIGEST_LENGTH);
}

void
dbm_row_set_int64(DbmRow *row, int column, int64 value)
{
	dbm_row_set(row, column, Int64GetDatum(value));
}

char *
dbm_row_text(const DbmRow *row, int column)
{
	return row->nulls[column] ? NULL : TextDatumGetCString(row->values[column]);
}

int64
dbm_row_int64(const DbmRow *row, int column)
{
	return row->nulls[column] ? 0 : DatumGetInt64(row->values[column]);
}

Oid
dbm_row_oid(const DbmRow *row, int column)
{
	return row->nulls[column] ? InvalidOid : DatumGetObjectId(row->values[column]);
}

bool
dbm_row_digest(const DbmRow *row, int column, uint8 *digest)
{
	bytea *value;

	if (row->nulls[column])
		return false;
	value = DatumGetByteaPP(row->values[column]);
	if (VARSIZE_ANY_EXHDR(value) != DBM_DIGEST_LENGTH)
		return false;
	memcpy(digest, VARDATA_ANY(value), DBM_DIGEST_LENGTH);
	return true;
}

Oid
dbm_table_oid(const DbmTable *table)
{
	Oid namespace = dbm_tables_namespace();

	return OidIsValid(namespace) ? get_relname_relid(table->name, namespace) : InvalidOid;
}

static Oid
require_oid(const char *name)
{
	Oid namespace = dbm_tables_namespace();
	Oid oid = OidIsValid(namespace) ? get_relname_relid(name, namespace) : InvalidOid;

	if (!OidIsValid(oid))
		ereport(ERROR, (errcode(ERRCODE_DBM_TABLE_ALTERED),
						errmsg("relation \"dbmaestro.%s\" does not exist", name),
						errdetail("The extension dbmaestro is not installed in this database, or "
								  "its schema was altered."),
						errhint("Run: SELECT * FROM dbm_doctor();")));
	return oid;
}

/* Opens a table of ours, its shape checked. */
static Relation
open_table(const DbmTable *table, LOCKMODE lockmode)
{
	Relation relation = table_open(require_oid(table->name), lockmode);

	dbm_shape_require(table, relation);
	return relation;
}

/* On the server's terms: read-only transactions are refused there. */
static int64
advance(const DbmTable *table)
{
	int64 id;

	dbm_own_write_begin();
	id = dbm_sequence_next(require_oid(table->sequence));
	dbm_own_write_end();
	return id;
}

int64
dbm_table_next_id(const DbmTable *table)
{
	DbmRow *taken = dbm_row_make(table);
	int64 id;

	/*
	 * setval() is no command that the guard meets, and a number given out twice
	 * would be a record that cannot be entered.
	 */
	do
	{
		CHECK_FOR_INTERRUPTS();
		id = advance(table);
	} while (dbm_table_get_int64(table, id, taken, NULL));
	pfree(taken);
	return id;
}

static int64
greatest_id(const DbmTable *table)
{
	DbmRow *row = dbm_row_make(table);
	DbmScan *scan = dbm_scan_begin(table, table->primary_key, 0, NULL);
	int64 id = dbm_scan_previous(scan, row) ? dbm_row_int64(row, 0) : 0;

	dbm_scan_end(scan);
	pfree(row);
	return id;
}

int64
dbm_table_next_greatest_id(const DbmTable *table)
{
	int64 greatest = greatest_id(table);
	int64 id;

	do
	{
		CHECK_FOR_INTERRUPTS();
		id = advance(table);
	} while (id <= greatest);
	return id;
}

/* Asked before the first lock: on a standby those of writers are refused in other words. */
static void
require_writable(void)
{
	PreventCommandIfReadOnly("a write to the tables of dbmaestro");
	PreventCommandIfParallelMode("a write to the tables of dbmaestro");
	PreventCommandDuringRecovery("a write to the tables of dbmaestro");
}

void
dbm_table_lock(const DbmTable *table)
{
	LOCKTAG tag;

	require_writable();
	/*
	 * Not the table's own lock, which ANALYZE takes too: whoever may analyse
	 * would have everybody wait, and we would cancel autovacuum.
	 */
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, require_oid(table->name),
					   WRITERS_LOCK);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	/* see what the holder before us wrote, also under the caller's old catalog snapshot */
	AcceptInvalidationMessages();
}

bool
dbm_table_try_lock(const DbmTable *table)
{
	require_writable();
	if (!ConditionalLockRelationOid(require_oid(table->name), ShareRowExclusiveLock))
		return false;
	AcceptInvalidationMessages();
	return true;
}

/* ---- writing ---- */

static EState *
make_estate(Relation relation)
{
	EState *estate = CreateExecutorState();
	RangeTblEntry *entry = makeNode(RangeTblEntry);
	List *perminfos = NIL;

	/* constraint violations are worded with the help of a range table entry */
	entry->rtekind = RTE_RELATION;
	entry->relid = RelationGetRelid(relation);
	entry->relkind = relation->rd_rel->relkind;
	entry->rellockmode = RowExclusiveLock;
	dbm_perminfos(entry, &perminfos);
	dbm_init_range_table(estate, entry, perminfos);
	return estate;
}

DbmWriter *
dbm_writer_begin(const DbmTable *table)
{
	DbmWriter *writer = palloc0(sizeof(DbmWriter));

	require_writable();
	dbm_own_write_begin();

	writer->table = table;
	/*
	 * Long texts need a snapshot to be stored, and SET, which the guard may
	 * observe, runs without one.  The catalogs' does not become the
	 * transaction's: SET TRANSACTION may still come.
	 */
	if (!ActiveSnapshotSet())
	{
		PushActiveSnapshot(GetCatalogSnapshot(InvalidOid));
		writer->pushed_snapshot = true;
	}
	writer->relation = open_table(table, RowExclusiveLock);
	writer->estate = make_estate(writer->relation);
	writer->result = makeNode(ResultRelInfo);
	InitResultRelInfo(writer->result, writer->relation, 1, NULL, 0);
	dbm_checks_prepare(writer->result, writer->estate);
	ExecOpenIndices(writer->result, false);
	writer->slot = MakeSingleTupleTableSlot(RelationGetDescr(writer->relation), &TTSOpsVirtual);
	return writer;
}

static void
fill_slot(DbmWriter *writer, const DbmRow *row)
{
	int natts = RelationGetDescr(writer->relation)->natts;

	Assert(row->table == writer->table);
	ExecClearTuple(writer->slot);
	memcpy(writer->slot->tts_values, row->values, natts * sizeof(Datum));
	memcpy(writer->slot->tts_isnull, row->nulls, natts * sizeof(bool));
	ExecStoreVirtualTuple(writer->slot);
	writer->slot->tts_tableOid = RelationGetRelid(writer->relation);
	if (RelationGetDescr(writer->relation)->constr)
		ExecConstraints(writer->result, writer->slot, writer->estate);
}

static void
insert_index_entries(DbmWriter *writer, bool update)
{
	if (writer->result->ri_NumIndices > 0)
		list_free(dbm_insert_index_tuples(writer->result, writer->slot, writer->estate, update));
	ResetPerTupleExprContext(writer->estate);
}

void
dbm_writer_insert(DbmWriter *writer, const DbmRow *row)
{
	MemoryContext caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(writer->estate));

	fill_slot(writer, row);
	table_tuple_insert(writer->relation, writer->slot, GetCurrentCommandId(true), 0, NULL);
	insert_index_entries(writer, false);
	MemoryContextSwitchTo(caller);
}

void
dbm_writer_end(DbmWriter *writer)
{
	ExecDropSingleTupleTableSlot(writer->slot);
	ExecCloseIndices(writer->result);
	FreeExecutorState(writer->estate);
	/* the lock stays until the end of the transaction */
	table_close(writer->relation, NoLock);
	if (writer->pushed_snapshot)
		PopActiveSnapshot();
	pfree(writer);
	dbm_own_write_end();
	CommandCounterIncrement();
}

void
dbm_table_insert(const DbmRow *row)
{
	DbmWriter *writer = dbm_writer_begin(row->table);

	dbm_writer_insert(writer, row);
	dbm_writer_end(writer);
}

void
dbm_table_update(const DbmRow *row, ItemPointer tid)
{
	DbmWriter *writer = dbm_writer_begin(row->table);
	HeapTuple tuple;

	fill_slot(writer, row);
	tuple = heap_form_tuple(RelationGetDescr(writer->relation), writer->slot->tts_values,
							writer->slot->tts_isnull);
	dbm_simple_heap_update(writer->relation, tid, tuple);
	ItemPointerCopy(&tuple->t_self, &writer->slot->tts_tid);
	/* a heap-only tuple is found through the entries of its predecessor */
	if (!HeapTupleIsHeapOnly(tuple))
		insert_index_entries(writer, true);
	heap_freetuple(tuple);
	dbm_writer_end(writer);
}

void
dbm_table_delete(const DbmTable *table, ItemPointer tid)
{
	Relation relation;

	require_writable();
	relation = open_table(table, RowExclusiveLock);
	dbm_own_write_begin();
	simple_heap_delete(relation, tid);
	dbm_own_write_end();
	table_close(relation, NoLock);
	CommandCounterIncrement();
}

/* ---- reading ---- */

DbmScan *
dbm_scan_begin(const DbmTable *table, const char *index, int nkeys, ScanKey keys)
{
	DbmScan *scan = palloc0(sizeof(DbmScan));

	scan->table = table;
	scan->relation = open_table(table, AccessShareLock);
	scan->snapshot = RegisterSnapshot(GetLatestSnapshot());
	if (index)
	{
		scan->index = index_open(require_oid(index), AccessShareLock);
		scan->ordered = systable_beginscan_ordered(scan->relation, scan->index, scan->snapshot,
												   nkeys, keys);
	}
	else
		scan->unordered = systable_beginscan(scan->relation, InvalidOid, false, scan->snapshot,
											 nkeys, keys);
	return scan;
}

static bool
deform_current(DbmScan *scan, DbmRow *row)
{
	if (!HeapTupleIsValid(scan->current))
		return false;
	row->table = scan->table;
	memset(row->nulls, true, sizeof(row->nulls));
	heap_deform_tuple(scan->current, RelationGetDescr(scan->relation), row->values, row->nulls);
	return true;
}

bool
dbm_scan_next(DbmScan *scan, DbmRow *row)
{
	scan->current = scan->ordered ? systable_getnext_ordered(scan->ordered, ForwardScanDirection)
								  : systable_getnext(scan->unordered);
	return deform_current(scan, row);
}

bool
dbm_scan_previous(DbmScan *scan, DbmRow *row)
{
	Assert(scan->ordered);
	scan->current = systable_getnext_ordered(scan->ordered, BackwardScanDirection);
	return deform_current(scan, row);
}

ItemPointerData
dbm_scan_tid(DbmScan *scan)
{
	return scan->current->t_self;
}

void
dbm_scan_end(DbmScan *scan)
{
	if (scan->ordered)
	{
		systable_endscan_ordered(scan->ordered);
		index_close(scan->index, AccessShareLock);
	}
	else
		systable_endscan(scan->unordered);
	UnregisterSnapshot(scan->snapshot);
	table_close(scan->relation, AccessShareLock);
	pfree(scan);
}

void
dbm_row_copy(DbmRow *row)
{
	for (int column = 0; column < row->table->ncolumns; column++)
	{
		int16 length;
		bool by_value;

		if (row->nulls[column])
			continue;
		get_typlenbyval(row->table->columns[column].type, &length, &by_value);
		if (length == -1)
			row->values[column] = PointerGetDatum(PG_DETOAST_DATUM_COPY(row->values[column]));
		else if (!by_value)
			row->values[column] = datumCopy(row->values[column], by_value, length);
	}
}

static bool
get_by_key(const DbmTable *table, ScanKey key, DbmRow *row, ItemPointer tid)
{
	DbmScan *scan = dbm_scan_begin(table, table->primary_key, 1, key);
	bool found = dbm_scan_next(scan, row);

	if (found)
	{
		dbm_row_copy(row);
		if (tid)
			*tid = dbm_scan_tid(scan);
	}
	dbm_scan_end(scan);
	return found;
}

bool
dbm_table_get_text(const DbmTable *table, const char *value, DbmRow *row, ItemPointer tid)
{
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(value));
	return get_by_key(table, &key, row, tid);
}

bool
dbm_table_get_int64(const DbmTable *table, int64 value, DbmRow *row, ItemPointer tid)
{
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(value));
	return get_by_key(table, &key, row, tid);
}
