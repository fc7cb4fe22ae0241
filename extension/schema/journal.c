/*
 * schema/journal.c: from which snapshot on the names of changes are known
 *
 * A snapshot that was written in this transaction may vanish with it.  So the
 * journal keeps what came before it until a later transaction finds it there.
 */
#include "postgres.h"

#include "storage/proc.h"

#include "core/compat.h"
#include "schema/journal.h"
#include "schema/store.h"

void
dbm_live_touch(DbmLive *live, const char *kind, const char *identity)
{
	DbmJournal *journal = &live->journal;
	DbmTouched *touched;

	if (journal->base == 0 && journal->pending == 0)
		return;
	if (journal->count == journal->capacity)
	{
		journal->capacity = Max(64, journal->capacity * 2);
		if (journal->touched == NULL)
			journal->touched = MemoryContextAlloc(live->memory,
												  sizeof(DbmTouched) * journal->capacity);
		else
			journal->touched = repalloc_huge(journal->touched,
											 sizeof(DbmTouched) * journal->capacity);
	}
	touched = &journal->touched[journal->count++];
	touched->kind = kind;
	touched->identity = MemoryContextStrdup(live->memory, identity);
}

/* Drops the oldest entries. */
static void
drop_entries(DbmJournal *journal, int count)
{
	for (int at = 0; at < count; at++)
		pfree(journal->touched[at].identity);
	journal->count -= count;
	memmove(journal->touched, journal->touched + count, sizeof(DbmTouched) * journal->count);
}

/* Makes the pending snapshot the base if a later transaction can see it. */
static void
promote_pending(DbmJournal *journal, int64 newest)
{
	if (journal->pending == 0 || journal->pending != newest ||
		journal->pending_transaction == dbm_local_transaction_id())
		return;
	drop_entries(journal, journal->mark);
	journal->base = journal->pending;
	journal->pending = 0;
	journal->mark = 0;
}

void
dbm_journal_recorded(DbmLive *live, int64 snapshot)
{
	DbmJournal *journal = &live->journal;

	promote_pending(journal, snapshot);
	if (journal->base == snapshot)
	{
		drop_entries(journal, journal->count);
		journal->pending = 0;
		return;
	}
	journal->pending = snapshot;
	journal->pending_transaction = dbm_local_transaction_id();
	journal->mark = journal->count;
}

static void
add_names(DbmLive *live, int from, List **names)
{
	for (int at = from; at < live->journal.count; at++)
	{
		DbmObjectName *name = palloc(sizeof(DbmObjectName));

		name->kind = live->journal.touched[at].kind;
		name->identity = live->journal.touched[at].identity;
		*names = lappend(*names, name);
	}
}

bool
dbm_journal_names(DbmLive *live, int64 newest, List **names)
{
	DbmJournal *journal = &live->journal;

	promote_pending(journal, newest);
	if (journal->pending != 0 && journal->pending == newest)
	{
		add_names(live, journal->mark, names);
		return true;
	}
	/* another session's snapshots since then: what changed with them may differ, too */
	if (journal->base == 0 || newest < journal->base)
		return false;
	if (newest > journal->base)
		*names = dbm_snapshot_names(journal->base, newest);
	add_names(live, 0, names);
	return true;
}
