/*
 * core/sequence.c: the next number of a sequence of ours
 *
 * As nextval() does it, but for one thing: that would be what lastval() tells
 * the application from then on, in a session where we only record something.
 * And the increment is one, whatever the catalog says.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/pg_class.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/sequence.h"

/* So many numbers are logged ahead, and lost in a crash; commands/sequence.c has the same. */
#define LOGGED_AHEAD 32

static Relation
open_sequence(Oid sequence)
{
	Relation relation = relation_open(sequence, RowExclusiveLock);

	if (relation->rd_rel->relkind != RELKIND_SEQUENCE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a sequence", RelationGetRelationName(relation))));
	PreventCommandIfReadOnly("nextval()");
	PreventCommandIfParallelMode("nextval()");
	return relation;
}

/* The row of a sequence, its page locked. */
static HeapTupleData
lock_row(Relation relation, Buffer *buffer)
{
	HeapTupleData row = {0};
	ItemId item;

	*buffer = ReadBuffer(relation, 0);
	LockBuffer(*buffer, BUFFER_LOCK_EXCLUSIVE);
	item = PageGetItemId(BufferGetPage(*buffer), FirstOffsetNumber);
	row.t_data = (HeapTupleHeader) PageGetItem(BufferGetPage(*buffer), item);
	row.t_len = ItemIdGetLength(item);
	return row;
}

/* Logs the row as it will be when the numbers ahead have been given out. */
static void
log_row(Relation relation, Buffer buffer, const HeapTupleData *row, int64 number)
{
	Form_pg_sequence_data data = (Form_pg_sequence_data) GETSTRUCT(row);
	xl_seq_rec record;
	XLogRecPtr position;

	data->last_value = number + LOGGED_AHEAD;
	data->is_called = true;
	data->log_cnt = 0;
	dbm_set_sequence_record(&record, relation);
	XLogBeginInsert();
	XLogRegisterBuffer(0, buffer, REGBUF_WILL_INIT);
	XLogRegisterData((char *) &record, sizeof(xl_seq_rec));
	XLogRegisterData((char *) row->t_data, row->t_len);
	position = XLogInsert(RM_SEQ_ID, XLOG_SEQ_LOG);
	PageSetLSN(BufferGetPage(buffer), position);
}

int64
dbm_sequence_next(Oid sequence)
{
	Relation relation = open_sequence(sequence);
	Buffer buffer;
	HeapTupleData row = lock_row(relation, &buffer);
	Form_pg_sequence_data data = (Form_pg_sequence_data) GETSTRUCT(&row);
	int64 number = data->last_value + (data->is_called ? 1 : 0);
	/* the first one after a checkpoint is logged anew, for a recovery begins there */
	bool logs = data->log_cnt < 1 || !data->is_called ||
				PageGetLSN(BufferGetPage(buffer)) <= GetRedoRecPtr();
	int64 ahead = logs ? LOGGED_AHEAD : data->log_cnt - 1;

	if (data->last_value >= PG_INT64_MAX - LOGGED_AHEAD - 1)
		ereport(ERROR,
				(errcode(ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED),
				 errmsg("sequence \"%s\" is at its end", RelationGetRelationName(relation))));
	/* its commit is to wait for what is logged; not to be had in a critical section */
	if (logs && RelationNeedsWAL(relation))
		(void) GetTopTransactionId();
	START_CRIT_SECTION();
	MarkBufferDirty(buffer);
	if (logs && RelationNeedsWAL(relation))
		log_row(relation, buffer, &row, number);
	data->last_value = number;
	data->is_called = true;
	data->log_cnt = ahead;
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buffer);
	/* the lock stays until the end of the transaction */
	relation_close(relation, NoLock);
	return number;
}
