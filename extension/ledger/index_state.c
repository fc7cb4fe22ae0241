/*
 * ledger/index_state.c: what state an index is in, and who is at work on it
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/backend_status.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "ledger/index_state.h"
#include "ledger/inheritance.h"

bool
dbm_index_state(Oid index, DbmIndexState *state)
{
	HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Form_pg_index row;

	if (!HeapTupleIsValid(tuple))
		return false;
	row = (Form_pg_index) GETSTRUCT(tuple);
	state->table = row->indrelid;
	state->kind = get_rel_relkind(index);
	state->valid = row->indisvalid && row->indisready && row->indislive;
	state->live = row->indislive;
	state->unique = row->indisunique;
	state->held = get_rel_relispartition(index) || OidIsValid(get_index_constraint(index));
	ReleaseSysCache(tuple);
	return state->kind != '\0';
}

/* The transaction under way that has changed the row of the index; InvalidTransactionId: none. */
static TransactionId
find_changer(Oid index)
{
	Relation indexes = table_open(IndexRelationId, AccessShareLock);
	SnapshotData dirty;
	ScanKeyData key;
	SysScanDesc scan;
	TransactionId changer = InvalidTransactionId;

	InitDirtySnapshot(dirty);
	ScanKeyInit(&key, Anum_pg_index_indexrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(index));
	scan = systable_beginscan(indexes, IndexRelidIndexId, true, &dirty, 1, &key);
	while (!TransactionIdIsValid(changer) && HeapTupleIsValid(systable_getnext(scan)))
		changer = TransactionIdIsValid(dirty.xmax) ? dirty.xmax : dirty.xmin;
	systable_endscan(scan);
	table_close(indexes, AccessShareLock);
	return changer;
}

void
dbm_index_lock(Oid index, Oid table)
{
	TransactionId changer;

	InvalidateCatalogSnapshot();
	LockRelationOid(table, ShareUpdateExclusiveLock);
	while (TransactionIdIsValid(changer = find_changer(index)))
	{
		InvalidateCatalogSnapshot();
		XactLockTableWait(changer, NULL, NULL, XLTW_None);
	}
	AcceptInvalidationMessages();
}

List *
dbm_index_list(Oid table)
{
	Relation indexes = table_open(IndexRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	List *list = NIL;

	ScanKeyInit(&key, Anum_pg_index_indrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(table));
	scan = systable_beginscan(indexes, IndexIndrelidIndexId, true, NULL, 1, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
		list = lappend_oid(list, ((Form_pg_index) GETSTRUCT(tuple))->indexrelid);
	systable_endscan(scan);
	table_close(indexes, AccessShareLock);
	list_sort(list, list_oid_cmp);
	return list;
}

int
dbm_index_count_valid(List *indexes)
{
	ListCell *cell;
	int count = 0;

	foreach (cell, indexes)
	{
		DbmIndexState state;

		if (dbm_index_state(lfirst_oid(cell), &state) && state.valid)
			count++;
	}
	return count;
}

static Oid
find_toast(Oid table)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid toast = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		toast = ((Form_pg_class) GETSTRUCT(tuple))->reltoastrelid;
		ReleaseSysCache(tuple);
	}
	return toast;
}

int
dbm_index_builder(Oid table)
{
	Oid toast = find_toast(table);
	int count;

	/* the list that this transaction may have read before is not of now */
	pgstat_clear_backend_activity_snapshot();
	count = pgstat_fetch_stat_numbackends();
	for (int at = 1; at <= count; at++)
	{
		LocalPgBackendStatus *local = dbm_backend_status(at);
		const PgBackendStatus *status = local ? &local->backendStatus : NULL;

		if (status && status->st_progress_command == PROGRESS_COMMAND_CREATE_INDEX &&
			status->st_databaseid == MyDatabaseId && status->st_procpid != MyProcPid &&
			(status->st_progress_command_target == table ||
			 (OidIsValid(toast) && status->st_progress_command_target == toast)))
			return status->st_procpid;
	}
	return 0;
}
