/*
 * audit/durable.c: records that must outlive the transaction that causes them
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "audit/durable.h"
#include "audit/event.h"
#include "audit/spill.h"
#include "audit/worker.h"
#include "core/compat.h"
#include "core/installed.h"
#include "core/settings.h"

/* A worker other than ours can't wake us when it has entered our record. */
#define LOOK_AGAIN_MS 5

/* Pause before asking again for a worker that could not do its work. */
#define FIRST_PAUSE_MS 10

/* How often a backend looks for files that somebody left behind. */
#define SWEEP_INTERVAL_MS 10000

#define MAX_TABLES 8

/* Tables whose rows a record may hold; the list ends with NULL. */
static const DbmTable *tables[MAX_TABLES + 1] = {&dbm_audit_event_table};

/* denied_wait as last read: after an error the table can't be asked. */
static int wait_limit_ms = 2000;

/* Is this a copy that nobody has attached, as far as was read last? */
static bool is_unbound = false;

static TimestampTz last_sweep = 0;

void
dbm_durable_register_table(const DbmTable *table)
{
	for (int at = 0; at < MAX_TABLES; at++)
	{
		if (tables[at] == table)
			return;
		if (tables[at] == NULL)
		{
			tables[at] = table;
			return;
		}
	}
	elog(ERROR, "too many tables take durable records");
}

const DbmTable *const *
dbm_durable_tables(void)
{
	return tables;
}

/* Starts a worker, without waiting, if files are waiting to be moved. */
static void
sweep(void)
{
	BackgroundWorkerHandle *worker;

	if (!IsUnderPostmaster || IsBinaryUpgrade || RecoveryInProgress() ||
		dbm_durable_waiting() == 0 || dbm_audit_worker_runs())
		return;
	worker = dbm_audit_worker_start();
	if (worker)
		pfree(worker);
}

void
dbm_durable_prepare(void)
{
	TimestampTz now = GetCurrentTimestamp();

	wait_limit_ms = dbm_setting_milliseconds(DBM_SETTING_DENIED_WAIT);
	is_unbound = dbm_environment()->identity == DBM_IDENTITY_UNBOUND;
	if (TimestampDifferenceExceeds(last_sweep, now, SWEEP_INTERVAL_MS))
	{
		last_sweep = now;
		if (!RecoveryInProgress())
			dbm_spill_prepare();
		sweep();
	}
}

/* ---- waiting ---- */

/* What a backend that waits has done about it. */
typedef struct Wait
{
	BackgroundWorkerHandle *worker; /* the one we asked for, or NULL */
	TimestampTz next_request;	/* not before */
	int			pause_ms;		/* between the end of a worker and the next request */
} Wait;

static bool
is_on_its_way(BackgroundWorkerHandle *worker)
{
	pid_t pid;

	return worker && GetBackgroundWorkerPid(worker, &pid) != BGWH_STOPPED;
}

/*
 * A worker must be on its way or at work as long as the record waits.  One that
 * stopped and left the record there could not enter it: the pause before the
 * next one grows, so that a broken table does not become a storm of processes.
 */
static void
keep_worker_coming(Wait *wait, TimestampTz now)
{
	if (is_on_its_way(wait->worker) || now < wait->next_request || dbm_audit_worker_runs())
		return;
	if (wait->worker)
	{
		pfree(wait->worker);
		wait->worker = NULL;
		wait->next_request = TimestampTzPlusMilliseconds(now, wait->pause_ms);
		wait->pause_ms *= 2;
		return;
	}
	wait->worker = dbm_audit_worker_start();
}

/*
 * Waits until the record is in its tables.  Interrupts are left pending, not
 * served: the error that we are about to raise must not be replaced by
 * another, and the record is safe already.
 */
static bool
wait_until_entered(const pg_uuid_t *event_id)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz deadline = TimestampTzPlusMilliseconds(now, wait_limit_ms);
	Wait wait = {.worker = NULL, .next_request = now, .pause_ms = FIRST_PAUSE_MS};
	bool waits;

	while ((waits = dbm_spill_waits(event_id)))
	{
		/* also where nobody waits: the record is to be entered soon */
		keep_worker_coming(&wait, now);
		if (QueryCancelPending || ProcDiePending || now >= deadline)
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_AGAIN_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		now = GetCurrentTimestamp();
	}
	/* what else the latch was set for is still to be seen to */
	SetLatch(MyLatch);
	return !waits;
}

/* ---- writing ---- */

/* The server log is the last place left: the whole record, not to the client. */
static void
log_record(const DbmRow *event, const char *reason)
{
	const char *statement = dbm_row_text(event, DBM_EVENT_STATEMENT);
	const char *message = dbm_row_text(event, DBM_EVENT_MESSAGE);
	const char *detail = dbm_row_text(event, DBM_EVENT_DETAIL);

	ereport(LOG_SERVER_ONLY,
			(errmsg("dbmaestro event not in the audit trail (%s): %s %s by \"%s\" from %s", reason,
					dbm_row_text(event, DBM_EVENT_KIND),
					event->nulls[DBM_EVENT_ACTION] ? "" : dbm_row_text(event, DBM_EVENT_ACTION),
					event->nulls[DBM_EVENT_AUTHENTICATED_ROLE]
						? "?"
						: dbm_row_text(event, DBM_EVENT_AUTHENTICATED_ROLE),
					event->nulls[DBM_EVENT_CLIENT_ADDRESS]
						? "?"
						: dbm_row_text(event, DBM_EVENT_CLIENT_ADDRESS)),
			 errdetail("%s  %s  Statement: %s", message ? message : "", detail ? detail : "",
					   statement ? statement : ""),
			 errhidestmt(true), errhidecontext(true)));
}

static bool
write_record(DbmRow *const *rows, int nrows, const pg_uuid_t *event_id)
{
	StringInfoData record;
	bool written;

	initStringInfo(&record);
	for (int at = 0; at < nrows; at++)
		dbm_row_serialize(&record, rows[at]);
	written = dbm_spill_write(event_id, &record);
	pfree(record.data);
	return written;
}

/*
 * Rows that come with ids took them from sequences, and nothing of a failed
 * transaction flushes the log: after a crash the sequences would give the same
 * ids again, and the record could never be entered.
 */
static void
flush_ids(void)
{
	XLogRecPtr position = GetXLogInsertRecPtr();

	/* at the start of a page the position stands behind a header not written yet */
	if (XLogSegmentOffset(position, wal_segment_size) == SizeOfXLogLongPHD)
		position -= SizeOfXLogLongPHD;
	else if (position % XLOG_BLCKSZ == SizeOfXLogShortPHD)
		position -= SizeOfXLogShortPHD;
	XLogFlush(position);
}

bool
dbm_durable_write(DbmRow *const *rows, int nrows)
{
	const pg_uuid_t *event_id;

	if (nrows < 1 || rows[0]->table != &dbm_audit_event_table)
		elog(ERROR, "a durable record must begin with an event");
	event_id = DatumGetUUIDP(rows[0]->values[DBM_EVENT_EVENT_ID]);
	if (IsBinaryUpgrade)
		return false;
	if (RecoveryInProgress())
	{
		/* a standby's files would never be entered, and would outlive a promotion */
		log_record(rows[0], "standby");
		return false;
	}
	if (is_unbound)
	{
		/* it may be in the middle of a restore, whose rows have these numbers */
		log_record(rows[0], "copy that is not attached");
		return false;
	}
	if (nrows > 1)
		flush_ids();
	if (!write_record(rows, nrows, event_id))
	{
		log_record(rows[0], "no file could be written");
		dbm_spill_count_loss();
		return false;
	}
	return IsUnderPostmaster && wait_until_entered(event_id);
}

int
dbm_durable_waiting(void)
{
	return dbm_spill_count(DBM_SPILL_RECORD);
}

int
dbm_durable_broken(void)
{
	return dbm_spill_count(DBM_SPILL_BROKEN);
}

int64
dbm_durable_lost(void)
{
	return dbm_spill_losses().lost;
}
