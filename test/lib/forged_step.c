/*
 * test/lib/forged_step.c: orders for the worker that nobody has given
 *
 * What a superuser could do who loads code of his own: start the worker of
 * another backend's step, with a permit that was read from the table.
 */
#include "postgres.h"

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "storage/shm_toc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "ledger/step_order.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(forge_step);

static void
put(shm_toc *toc, DbmStepKey key, const void *bytes, Size size)
{
	void *place = shm_toc_allocate(toc, size);

	memcpy(place, bytes, size);
	shm_toc_insert(toc, key, place);
}

static BackgroundWorkerHandle *
start(dsm_segment *segment)
{
	BackgroundWorker worker = {0};
	BackgroundWorkerHandle *handle;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
	worker.bgw_notify_pid = MyProcPid;
	strlcpy(worker.bgw_library_name, "$libdir/dbmaestro", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "dbm_step_worker_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "forged step", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "forged step", sizeof(worker.bgw_type));
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		elog(ERROR, "no worker");
	return handle;
}

/* The first thing that the worker says: its error, or that it is done. */
static char *
listen(shm_mq_handle *queue)
{
	void *data;
	Size size;

	while (shm_mq_receive(queue, &size, &data, false) == SHM_MQ_SUCCESS)
	{
		StringInfoData message;
		ErrorData edata;
		char type;

		initStringInfo(&message);
		appendBinaryStringInfo(&message, data, size);
		type = pq_getmsgbyte(&message);
		if (type == DBM_STEP_COMPLETE)
			return "complete";
		if (type != 'E')
			continue;
		pq_parse_errornotice(&message, &edata);
		return psprintf("%s: %s", unpack_sql_state(edata.sqlerrcode),
						edata.detail ? edata.detail : edata.message);
	}
	return "nothing";
}

/* forge_step(run bigint, ordinal integer, permit uuid, asking_start timestamptz, change text, statement text, run_as oid) */
Datum
forge_step(PG_FUNCTION_ARGS)
{
	DbmStepHead head = {0};
	char *change = text_to_cstring(PG_GETARG_TEXT_PP(4));
	char *statement = text_to_cstring(PG_GETARG_TEXT_PP(5));
	Size settings_size = EstimateGUCStateSpace();
	char *settings = palloc0(settings_size);
	Size size = 1024 + DBM_STEP_QUEUE_SIZE + settings_size + strlen(change) + strlen(statement);
	dsm_segment *segment = dsm_create(size, 0);
	shm_toc *toc = shm_toc_create(DBM_STEP_MAGIC, dsm_segment_address(segment), size);
	shm_mq *queue;
	shm_mq_handle *handle;
	BackgroundWorkerHandle *worker;
	char *answer;

	head.database = MyDatabaseId;
	head.run = PG_GETARG_INT64(0);
	head.ordinal = PG_GETARG_INT32(1);
	head.part = 1;
	head.permit = *PG_GETARG_UUID_P(2);
	head.asking = GetAuthenticatedUserId();
	head.asking_start = PG_GETARG_TIMESTAMPTZ(3);
	head.run_as = PG_GETARG_OID(6);
	SerializeGUCState(settings_size, settings);
	put(toc, DBM_STEP_KEY_HEAD, &head, sizeof(head));
	put(toc, DBM_STEP_KEY_CHANGE, change, strlen(change) + 1);
	put(toc, DBM_STEP_KEY_STATEMENT, statement, strlen(statement) + 1);
	put(toc, DBM_STEP_KEY_SETTINGS, settings, settings_size);
	queue = shm_mq_create(shm_toc_allocate(toc, DBM_STEP_QUEUE_SIZE), DBM_STEP_QUEUE_SIZE);
	shm_toc_insert(toc, DBM_STEP_KEY_QUEUE, queue);
	shm_mq_set_receiver(queue, MyProc);
	handle = shm_mq_attach(queue, segment, NULL);
	worker = start(segment);
	shm_mq_set_handle(handle, worker);
	answer = listen(handle);
	WaitForBackgroundWorkerShutdown(worker);
	dsm_detach(segment);
	PG_RETURN_TEXT_P(cstring_to_text(answer));
}
