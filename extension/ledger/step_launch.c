/*
 * ledger/step_launch.c: start the worker for a statement, and wait for it
 *
 * A concurrent build waits for every snapshot that is older than it and for
 * whoever has locked its table, so whoever waits for the build must hold
 * neither.
 */
#include "postgres.h"

#include "access/xact.h"
#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "storage/shm_toc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "ledger/client_gone.h"
#include "ledger/lock_wait.h"
#include "ledger/step_order.h"
#include "ledger/tables.h"

#define LIBRARY "$libdir/dbmaestro"

/* How long to look for a free place among max_worker_processes. */
#define PLACE_WAIT_MS 5000
#define PLACE_LOOK_MS 50

/* How long a worker that was cancelled may take before it is terminated. */
#define CANCEL_WAIT_MS 5000
#define LOOK_AGAIN_MS 1000

typedef struct Launch
{
	const DbmStepOrder *order;
	dsm_segment *segment;
	shm_mq_handle *queue;
	BackgroundWorkerHandle *worker;
	DbmStepAnswer *answer;
	StringInfo	error;			/* the message, to be raised when nothing is held any more */
	TimestampTz	cancelled_at;	/* 0: not */
} Launch;

/* ---- the segment ---- */

static void
put_text(shm_toc *toc, DbmStepKey key, const char *text)
{
	char *place = shm_toc_allocate(toc, strlen(text) + 1);

	strcpy(place, text);
	shm_toc_insert(toc, key, place);
}

static Size
estimate(const DbmStepOrder *order)
{
	shm_toc_estimator estimator;

	shm_toc_initialize_estimator(&estimator);
	shm_toc_estimate_chunk(&estimator, sizeof(DbmStepHead));
	shm_toc_estimate_chunk(&estimator, strlen(order->change) + 1);
	shm_toc_estimate_chunk(&estimator, strlen(order->statement) + 1);
	shm_toc_estimate_chunk(&estimator, order->settings_size);
	shm_toc_estimate_chunk(&estimator, DBM_STEP_QUEUE_SIZE);
	shm_toc_estimate_keys(&estimator, DBM_STEP_KEYS);
	return shm_toc_estimate(&estimator);
}

static shm_mq *
fill_segment(dsm_segment *segment, Size size, const DbmStepOrder *order)
{
	shm_toc *toc = shm_toc_create(DBM_STEP_MAGIC, dsm_segment_address(segment), size);
	DbmStepHead *head = shm_toc_allocate(toc, sizeof(DbmStepHead));
	char *settings;
	shm_mq *queue;

	*head = order->head;
	shm_toc_insert(toc, DBM_STEP_KEY_HEAD, head);
	put_text(toc, DBM_STEP_KEY_CHANGE, order->change);
	put_text(toc, DBM_STEP_KEY_STATEMENT, order->statement);
	settings = shm_toc_allocate(toc, order->settings_size);
	memcpy(settings, order->settings, order->settings_size);
	shm_toc_insert(toc, DBM_STEP_KEY_SETTINGS, settings);
	queue = shm_mq_create(shm_toc_allocate(toc, DBM_STEP_QUEUE_SIZE), DBM_STEP_QUEUE_SIZE);
	shm_toc_insert(toc, DBM_STEP_KEY_QUEUE, queue);
	shm_mq_set_receiver(queue, MyProc);
	return queue;
}

/* ---- the worker ---- */

/* Whatever way we leave, the worker does not go on without us. */
static void
terminate_worker(dsm_segment *segment, Datum worker)
{
	TerminateBackgroundWorker((BackgroundWorkerHandle *) DatumGetPointer(worker));
}

static bool
register_worker(Launch *launch)
{
	BackgroundWorker worker = {0};
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	bool registered;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(launch->segment));
	worker.bgw_notify_pid = MyProcPid;
	strlcpy(worker.bgw_library_name, LIBRARY, sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "dbm_step_worker_main", sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_name, BGW_MAXLEN, "dbmaestro step for process %d", MyProcPid);
	strlcpy(worker.bgw_type, "dbmaestro step", sizeof(worker.bgw_type));
	registered = RegisterDynamicBackgroundWorker(&worker, &launch->worker);
	MemoryContextSwitchTo(caller);
	return registered;
}

/* Waits on the latch; what arrives is served, but for a cancel, which stays pending. */
static void
wait_a_moment(long milliseconds)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	HOLD_CANCEL_INTERRUPTS();
	CHECK_FOR_INTERRUPTS();
	dbm_client_require();
	RESUME_CANCEL_INTERRUPTS();
}

ErrorData *
dbm_step_error(int code, const char *message, const char *detail, const char *hint)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData *volatile edata = NULL;

	PG_TRY();
	{
		ereport(ERROR,
				(errcode(code), errmsg_internal("%s", message),
				 detail ? errdetail_internal("%s", detail) : 0, hint ? errhint("%s", hint) : 0));
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	return edata;
}

static bool
start_worker(Launch *launch)
{
	TimestampTz began = GetCurrentTimestamp();

	while (!register_worker(launch))
	{
		if (QueryCancelPending)
		{
			QueryCancelPending = false;
			launch->answer->cancelled = true;
			return false;
		}
		if (TimestampDifferenceExceeds(began, GetCurrentTimestamp(), PLACE_WAIT_MS))
		{
			launch->answer->error = dbm_step_error(
				ERRCODE_INSUFFICIENT_RESOURCES, "could not start a background worker for a step",
				"All places for background workers are taken.",
				"Call dbm_resume when others have ended, or raise max_worker_processes.");
			return false;
		}
		wait_a_moment(PLACE_LOOK_MS);
	}
	return true;
}

/* ---- the answer ---- */

/* An error of the worker, or a notice, as if it were ours: with the place in the script. */
static void
throw_message(const Launch *launch, StringInfo message)
{
	ErrorData edata;

	pq_parse_errornotice(message, &edata);
	if (!launch->order->exact && edata.cursorpos > 0)
	{
		/* a position in what the script does not say */
		edata.internalquery = unconstify(char *, launch->order->statement);
		edata.internalpos = edata.cursorpos;
		edata.cursorpos = 0;
	}
	/* that the worker had to end is no reason for us to */
	edata.elevel = Min(edata.elevel, ERROR);
	ThrowErrorData(&edata);
}

static void
keep_error(Launch *launch)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		throw_message(launch, launch->error);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		launch->answer->error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
}

static void
read_objects(Launch *launch, StringInfo message)
{
	static const DbmTable *const known[] = {&dbm_run_object_table, NULL};

	while (message->cursor < message->len)
		launch->answer->objects = lappend(launch->answer->objects,
										  dbm_row_deserialize(message, known));
}

static void
handle_message(Launch *launch, const void *data, Size size)
{
	StringInfo message = makeStringInfo();
	char type;

	appendBinaryStringInfo(message, data, size);
	type = pq_getmsgbyte(message);
	switch (type)
	{
		case 'E':
			if (launch->error == NULL)
				launch->error = message;
			break;
		case 'N':
			throw_message(launch, message);
			break;
		case DBM_STEP_OBJECTS:
			read_objects(launch, message);
			break;
		case DBM_STEP_WAIT:
			launch->answer->wait = dbm_lock_wait_deserialize(message);
			break;
		case DBM_STEP_COMPLETE:
			launch->answer->rows = pq_getmsgint64(message);
			launch->answer->complete = true;
			break;
		default:
			break;
	}
}

static bool
is_stopped(Launch *launch)
{
	pid_t pid;

	switch (GetBackgroundWorkerPid(launch->worker, &pid))
	{
		case BGWH_STARTED:
			launch->answer->pid = pid;
			return false;
		case BGWH_NOT_YET_STARTED:
			return false;
		default:
			return true;
	}
}

/* The worker is asked to stop as our client has asked us; later it is made to. */
static void
pass_cancel_on(Launch *launch)
{
	TimestampTz now = GetCurrentTimestamp();
	pid_t pid;

	if (QueryCancelPending)
	{
		/* it is answered by the error that we raise in the end */
		QueryCancelPending = false;
		launch->cancelled_at = now;
		launch->answer->cancelled = true;
		if (GetBackgroundWorkerPid(launch->worker, &pid) == BGWH_STARTED)
			kill(pid, SIGINT);
		else
			TerminateBackgroundWorker(launch->worker);
	}
	else if (launch->cancelled_at != 0 &&
			 TimestampDifferenceExceeds(launch->cancelled_at, now, CANCEL_WAIT_MS))
		TerminateBackgroundWorker(launch->worker);
}

/* Reads until the worker is gone: before that, it may not have rolled back yet. */
static void
wait_for_worker(Launch *launch)
{
	bool detached = false;

	for (;;)
	{
		bool stopped = is_stopped(launch);
		void *data;
		Size size;

		while (!detached)
		{
			shm_mq_result result = shm_mq_receive(launch->queue, &size, &data, true);

			if (result == SHM_MQ_WOULD_BLOCK)
				break;
			detached = result == SHM_MQ_DETACHED;
			if (!detached)
				handle_message(launch, data, size);
		}
		if (stopped)
			break;
		pass_cancel_on(launch);
		wait_a_moment(LOOK_AGAIN_MS);
	}
}

/* ---- all of it ---- */

/*
 * The worker has the same timeouts, for its statement and its transactions
 * alone: ours do not run while it works.
 */
static void
stop_timeouts(void)
{
	disable_timeout(STATEMENT_TIMEOUT, false);
	disable_timeout(DBM_TRANSACTION_TIMEOUT, false);
}

static void
restart_timeouts(bool of_statement)
{
	if (of_statement && StatementTimeout > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, StatementTimeout);
	if (dbm_transaction_timeout() > 0)
		enable_timeout_after(DBM_TRANSACTION_TIMEOUT, dbm_transaction_timeout());
}

void
dbm_step_launch(const DbmStepOrder *order, DbmStepAnswer *answer)
{
	Launch launch = {.order = order, .answer = answer};
	bool of_statement = get_timeout_active(STATEMENT_TIMEOUT);
	Size size = estimate(order);
	instr_time start;
	instr_time duration;

	Assert(!ActiveSnapshotSet() && !TransactionIdIsValid(GetTopTransactionIdIfAny()));
	memset(answer, 0, sizeof(DbmStepAnswer));
	answer->rows = -1;
	stop_timeouts();
	INSTR_TIME_SET_CURRENT(start);

	launch.segment = dsm_create(size, 0);
	launch.queue = shm_mq_attach(fill_segment(launch.segment, size, order), launch.segment, NULL);
	if (start_worker(&launch))
	{
		on_dsm_detach(launch.segment, terminate_worker, PointerGetDatum(launch.worker));
		shm_mq_set_handle(launch.queue, launch.worker);
		wait_for_worker(&launch);
		cancel_on_dsm_detach(launch.segment, terminate_worker, PointerGetDatum(launch.worker));
		pfree(launch.worker);
	}
	dsm_detach(launch.segment);

	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, start);
	answer->duration = (int64) INSTR_TIME_GET_MICROSEC(duration);
	restart_timeouts(of_statement);
	if (launch.error)
		keep_error(&launch);
	else if (answer->cancelled && answer->error == NULL)
		answer->error = dbm_step_error(ERRCODE_QUERY_CANCELED,
									   "canceling statement due to user request", NULL, NULL);
}
