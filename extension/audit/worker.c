/*
 * audit/worker.c: the background worker that enters waiting records
 *
 * One at a time per database: it takes a lock that only workers take, enters
 * what it finds, looks again, and exits when there is nothing left.  It must
 * stay small: a worker that crashes restarts the whole cluster.
 */
#include "postgres.h"

#include <signal.h>

#include "access/genam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "tcop/tcopprot.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

#include "audit/durable.h"
#include "audit/event.h"
#include "audit/spill.h"
#include "audit/worker.h"
#include "core/compat.h"
#include "core/installed.h"

#define LIBRARY "$libdir/dbmaestro"
#define BATCH_SIZE 100

/*
 * The workers' lock.  An advisory one, because only those survive the abort of
 * a transaction and are released on every way out of the process; of a class
 * that the SQL functions, which use 1 and 2, can't name.
 */
#define LOCK_NUMBER 0x44424d41
#define LOCK_CLASS 3

extern PGDLLEXPORT void dbm_audit_worker_main(Datum argument);

/* Settings that ALTER DATABASE or ALTER ROLE could have turned against us. */
static const char *const pinned[][2] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"session_replication_role", "origin"},
	{"default_transaction_read_only", "off"},
	{"default_transaction_isolation", "read committed"},
	{"synchronous_commit", "on"},
	{"lock_timeout", "0"},
	{"statement_timeout", "0"},
	{"idle_in_transaction_session_timeout", "0"},
	{"idle_session_timeout", "0"},
	{"transaction_timeout", "0"},
	{"zero_damaged_pages", "off"},
};

/* ---- asking for a worker ---- */

static void
make_lock_tag(LOCKTAG *tag)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, LOCK_NUMBER, 0, LOCK_CLASS);
}

bool
dbm_audit_worker_runs(void)
{
	VirtualTransactionId *holders;
	LOCKTAG tag;
	int count;

	/* looks without taking: a lock taken after an error might not be released in time */
	make_lock_tag(&tag);
	holders = GetLockConflicts(&tag, ExclusiveLock, &count);
	pfree(holders);
	return count > 0;
}

BackgroundWorkerHandle *
dbm_audit_worker_start(void)
{
	BackgroundWorker worker = {0};
	BackgroundWorkerHandle *handle = NULL;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
	worker.bgw_notify_pid = MyProcPid;
	strlcpy(worker.bgw_library_name, LIBRARY, sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "dbm_audit_worker_main", sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_name, BGW_MAXLEN, "dbmaestro audit writer for database %u", MyDatabaseId);
	strlcpy(worker.bgw_type, "dbmaestro audit writer", sizeof(worker.bgw_type));
	return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : NULL;
}

/* ---- entering records ---- */

static bool
is_entered(const DbmRow *event)
{
	ScanKeyData key;
	DbmScan *scan;
	DbmRow found;
	bool result;

	ScanKeyInit(&key, DBM_EVENT_EVENT_ID + 1, BTEqualStrategyNumber, F_UUID_EQ,
				event->values[DBM_EVENT_EVENT_ID]);
	scan = dbm_scan_begin(&dbm_audit_event_table, "audit_event_event_id_key", 1, &key);
	result = dbm_scan_next(scan, &found);
	dbm_scan_end(scan);
	return result;
}

static List *
read_rows(StringInfo record)
{
	List *rows = NIL;
	DbmRow *first;

	while (record->cursor < record->len)
		rows = lappend(rows, dbm_row_deserialize(record, dbm_durable_tables()));
	first = rows ? linitial(rows) : NULL;
	if (first == NULL || first->table != &dbm_audit_event_table || first->nulls[DBM_EVENT_EVENT_ID])
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("record does not begin with an event")));
	return rows;
}

static void
insert_rows(List *rows)
{
	DbmWriter *writer = NULL;
	const DbmTable *table = NULL;
	ListCell *cell;

	foreach (cell, rows)
	{
		DbmRow *row = lfirst(cell);

		if (row->nulls[0] && row->table->sequence)
			dbm_row_set_int64(row, 0, dbm_table_next_id(row->table));
		if (row->table != table)
		{
			if (writer)
				dbm_writer_end(writer);
			table = row->table;
			writer = dbm_writer_begin(table);
		}
		dbm_writer_insert(writer, row);
	}
	if (writer)
		dbm_writer_end(writer);
}

static void
enter_record(const char *name)
{
	StringInfo record = dbm_spill_read(name);
	List *rows;

	if (record == NULL)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("audit record in file \"%s\" is not as it was written", name)));
	rows = read_rows(record);
	if (!is_entered(linitial(rows)))
		insert_rows(rows);
}

/* Enters these files in one transaction; the error's SQLSTATE, or 0. */
static int
enter_together(List *names)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile int sqlstate = 0;
	ListCell *cell;

	PG_TRY();
	{
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		foreach (cell, names)
			enter_record(lfirst(cell));
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		/* the transaction that was ours alone is aborted, so going on is safe */
		HOLD_INTERRUPTS();
		sqlstate = geterrcode();
		EmitErrorReport();
		AbortCurrentTransaction();
		FlushErrorState();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	if (sqlstate == 0)
	{
		foreach (cell, names)
			dbm_spill_remove(lfirst(cell));
	}
	return sqlstate;
}

/* Is it the record's fault, not that of the disk, the tables or a shutdown? */
static bool
is_fault_of_record(int sqlstate)
{
	int category = ERRCODE_TO_CATEGORY(sqlstate);

	/* a sequence at its end can be set back */
	if (sqlstate == ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED)
		return false;
	return sqlstate == ERRCODE_DATA_CORRUPTED || sqlstate == ERRCODE_PROTOCOL_VIOLATION ||
		   category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;
}

/* Enters a batch; false if the rest must wait for better times. */
static bool
enter_batch(List *names)
{
	ListCell *cell;

	if (enter_together(names) == 0)
		return true;
	foreach (cell, names)
	{
		int sqlstate = enter_together(list_make1(lfirst(cell)));

		if (sqlstate == 0)
			continue;
		if (!is_fault_of_record(sqlstate))
			return false;
		dbm_spill_set_aside(lfirst(cell));
	}
	return true;
}

/* Says in the trail how many records it lacks. */
static void
enter_losses(void)
{
	DbmSpillLosses losses = dbm_spill_losses();
	int64 missing = losses.lost - losses.entered;
	DbmEvent event = {.kind = "lost"};

	if (missing <= 0)
		return;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	event.message = psprintf(INT64_FORMAT " records could be written neither to a table nor to a "
										  "file; the server log has them",
							 missing);
	dbm_event_record(&event);
	PopActiveSnapshot();
	CommitTransactionCommand();
	dbm_spill_losses_entered(missing);
}

/* Without the extension there is no table: the files stay for whoever installs it again. */
static bool
has_tables(void)
{
	bool installed;

	StartTransactionCommand();
	installed = dbm_installed();
	CommitTransactionCommand();
	return installed;
}

static void
enter_waiting_records(void)
{
	MemoryContext batch = AllocSetContextCreate(TopMemoryContext, "dbmaestro audit batch",
												ALLOCSET_DEFAULT_SIZES);
	List *names;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(batch);
		MemoryContextSwitchTo(batch);
		names = dbm_spill_list(BATCH_SIZE);
		if (names == NIL || !enter_batch(names))
			break;
	}
	if (names == NIL)
		enter_losses();
}

static void
pin_settings(void)
{
	for (int at = 0; at < lengthof(pinned); at++)
	{
		/* not every server has every one of them */
		if (GetConfigOption(pinned[at][0], true, false))
			SetConfigOption(pinned[at][0], pinned[at][1], PGC_SUSET, PGC_S_OVERRIDE);
	}
}

void
dbm_audit_worker_main(Datum argument)
{
	LOCKTAG tag;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	/* no role: the bootstrap superuser may be barred from logging in */
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(argument), InvalidOid,
											  BGWORKER_BYPASS_ALLOWCONN);
	pin_settings();
	make_lock_tag(&tag);
	if (LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL && has_tables())
		enter_waiting_records();
	proc_exit(0);
}
