/*
 * core/own_writes.c: has anything changed but by our own hand?
 *
 * Whatever this backend writes is logged and moves the position of its last
 * record; what moved it outside our own writer is foreign.  Commit and abort
 * write a record too: that of a commit, of a transaction that wrote nothing
 * foreign at its end, is ours.  Of one with temporary tables nobody knows.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"

#include "core/compat.h"
#include "core/own_writes.h"

/* Position of the last record that is accounted for, and how many were foreign. */
static XLogRecPtr accounted = InvalidXLogRecPtr;
static uint64 foreign_writes = 0;

/* Commits of ours that the server has counted. */
static uint64 own_completions = 0;
static bool commits_with_id = false;
static bool drops_at_commit = false;

static void
account(void)
{
	if (ProcLastRecPtr == accounted)
		return;
	foreign_writes++;
	accounted = ProcLastRecPtr;
}

void
dbm_own_write_begin(void)
{
	account();
}

void
dbm_own_write_end(void)
{
	accounted = ProcLastRecPtr;
}

DbmMoment
dbm_moment(void)
{
	DbmMoment moment;

	account();
	moment.foreign = foreign_writes;
	moment.completed = dbm_completed_transactions() - own_completions;
	/* whatever completes from here on moves the counter */
	pg_memory_barrier();
	return moment;
}

bool
dbm_moment_others(DbmMoment moment)
{
	pg_memory_barrier();
	return dbm_completed_transactions() - own_completions != moment.completed;
}

bool
dbm_moment_passed(DbmMoment moment)
{
	account();
	return foreign_writes != moment.foreign || dbm_moment_others(moment);
}

static void
account_for_end(XactEvent event, void *unused)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			account();
			commits_with_id = TransactionIdIsValid(GetTopTransactionIdIfAny());
			/* ON COMMIT DROP is yet to come, and takes along what uses the table */
			drops_at_commit = (MyXactFlags & XACT_FLAGS_ACCESSEDTEMPNAMESPACE) != 0;
			break;
		case XACT_EVENT_COMMIT:
			foreign_writes += drops_at_commit;
			own_completions += commits_with_id;
			accounted = ProcLastRecPtr;
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			/* what was seen of this transaction is gone */
			foreign_writes++;
			break;
		default:
			break;
	}
}

void
dbm_own_writes_init(void)
{
	RegisterXactCallback(account_for_end, NULL);
}
