/*
 * schema/changes.c: finding changed catalog rows by the position in the log
 * that their pages carry
 *
 * Let a look be a position in the log, then the next transaction id, then a
 * snapshot, taken in this order.  Transactions with that id or a later one
 * write beyond that position.  What a later snapshot sees otherwise than this
 * one was done by a transaction not older than the oldest that was running in
 * this one; so the position of any look whose next id is not beyond that
 * oldest will do to tell old pages from new ones.  This covers transactions
 * that were in progress at the last look, commit or roll back after it and
 * never touch the page again, our own included: rolling back makes the pages
 * of our own transaction be looked at again.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "storage/bufmgr.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/own_writes.h"
#include "schema/changes.h"
#include "schema/watched.h"
#include "schema/watcher.h"

/* Sum of the folds of one owner over the changed pages, now minus before. */
typedef struct Difference
{
	DbmUnitKey owner;			/* hash key, first */
	uint64 fold;
	bool name;
	bool known;
	int adornments;
} Difference;

DbmWatcher *
dbm_watcher_make(MemoryContext memory)
{
	DbmWatcher *watcher = MemoryContextAllocZero(memory, sizeof(DbmWatcher));

	watcher->memory = memory;
	watcher->files = MemoryContextAllocZero(memory,
											sizeof(WatchedFile) * dbm_watched_catalog_count);
	return watcher;
}

/* ---- looks ---- */

/* The order matters: moment, position, then id, then (in the caller) snapshot. */
static Look
take_moment(void)
{
	Look look;

	look.moment = dbm_moment();
	look.position = GetXLogInsertRecPtr();
	look.next_xid = U64FromFullTransactionId(ReadNextFullTransactionId());
	return look;
}

void
dbm_watcher_mark(DbmWatcher *watcher)
{
	if (watcher->nlooks > 0 || TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return;
	watcher->mark = take_moment();
	watcher->marked = true;
}

void
dbm_watcher_start(DbmWatcher *watcher)
{
	/* the catalogs' files are asked for without a lock, which would have done this */
	AcceptInvalidationMessages();
	watcher->present = take_moment();
}

bool
dbm_watcher_moved(DbmWatcher *watcher)
{
	return dbm_moment_others(watcher->present.moment);
}

/*
 * The transaction of the last look is over.  With nothing but our own writes
 * since it has committed, and none of its subtransactions were rolled back: what
 * it did is in that look's snapshot, as of any other that was not running.
 */
static void
note_committed(DbmWatcher *watcher)
{
	if (!FullTransactionIdIsValid(watcher->own_xid) ||
		FullTransactionIdEquals(watcher->own_xid, GetTopFullTransactionIdIfAny()))
		return;
	watcher->oldest_xid = watcher->horizon.oldest_xid;
	watcher->own_xid = InvalidFullTransactionId;
}

bool
dbm_watcher_quiet(DbmWatcher *watcher)
{
	if (watcher->nlooks == 0 || dbm_moment_passed(watcher->looks[watcher->nlooks - 1].moment))
		return false;
	note_committed(watcher);
	return true;
}

/* Number of the newest look that tells old pages from new, -1 if there is none. */
static int
find_threshold(const DbmWatcher *watcher, uint64 oldest_xid)
{
	int at = watcher->nlooks - 1;

	while (at >= 0 && watcher->looks[at].next_xid > oldest_xid)
		at--;
	return at;
}

XLogRecPtr
dbm_watcher_threshold(const DbmWatcher *watcher)
{
	int at = find_threshold(watcher, watcher->horizon.oldest_xid);

	return at < 0 ? InvalidXLogRecPtr : watcher->looks[at].position;
}

void
dbm_watcher_resume(DbmWatcher *watcher, XLogRecPtr threshold, uint64 oldest_xid)
{
	/* no id is before this look's: it will do until a later one does */
	Look look = {.position = threshold};

	watcher->looks[0] = look;
	watcher->nlooks = 1;
	watcher->oldest_xid = oldest_xid;
}

/* With its epoch, which is that of the next id or the one before. */
static uint64
full_xid(DbmWatcher *watcher, TransactionId xid)
{
	uint64 next = watcher->present.next_xid;

	return next + (int32) (xid - (TransactionId) next);
}

static void
set_horizon(DbmWatcher *watcher, Snapshot snapshot)
{
	TransactionId oldest = snapshot->xmax;

	/* our own transaction is not in the list: what it did is in the snapshot */
	while (oldest != (TransactionId) watcher->present.next_xid &&
		   TransactionIdIsCurrentTransactionId(oldest))
		TransactionIdAdvance(oldest);
	for (uint32 at = 0; at < snapshot->xcnt; at++)
		if (TransactionIdPrecedes(snapshot->xip[at], oldest))
			oldest = snapshot->xip[at];
	watcher->horizon.position = watcher->present.position;
	watcher->horizon.next_xid = watcher->present.next_xid;
	watcher->horizon.oldest_xid = full_xid(watcher, oldest);
}

void
dbm_watcher_horizon(DbmWatcher *watcher, DbmHorizon *horizon)
{
	*horizon = watcher->horizon;
}

static void
add_look(DbmWatcher *watcher, Look look)
{
	if (watcher->nlooks == MAX_LOOKS)
		watcher->nlooks--;		/* any one may go but the oldest */
	watcher->looks[watcher->nlooks++] = look;
}

void
dbm_watcher_done(DbmWatcher *watcher, Snapshot snapshot)
{
	int threshold;

	watcher->oldest_xid = full_xid(watcher, snapshot->xmin);
	watcher->own_xid = GetTopFullTransactionIdIfAny();
	set_horizon(watcher, snapshot);
	if (watcher->marked)
		add_look(watcher, watcher->mark);
	watcher->marked = false;
	add_look(watcher, watcher->present);

	/* looks before the one in use will not be used again: the oldest only gets younger */
	threshold = find_threshold(watcher, watcher->oldest_xid);
	if (threshold > 0)
	{
		watcher->nlooks -= threshold;
		memmove(watcher->looks, watcher->looks + threshold, sizeof(Look) * watcher->nlooks);
	}
	/* reading may prune pages, which changes nothing */
	dbm_own_write_end();
}

/* ---- pages ---- */

static bool
same_owner(const PageEntry *a, const PageEntry *b)
{
	return a->owner.objid == b->owner.objid && a->owner.classid == b->owner.classid;
}

static uint64
mix_bits(uint64 value)
{
	value ^= value >> 31;
	value *= UINT64CONST(0x9e3779b97f4a7c15);
	value ^= value >> 29;
	value *= UINT64CONST(0xbf58476d1ce4e5b9);
	return value ^ (value >> 32);
}

/* A version of a row is known by where it is and who made it. */
static uint64
fold_tuple(const DbmWatchedCatalog *catalog, HeapTuple tuple)
{
	uint64 place;

	if (catalog->content)
		return catalog->content(tuple);
	place = (uint64) ItemPointerGetBlockNumberNoCheck(&tuple->t_self) << 16 |
			ItemPointerGetOffsetNumberNoCheck(&tuple->t_self);
	return mix_bits(mix_bits(place) + HeapTupleHeaderGetRawXmin(tuple->t_data));
}

/* Adds a row to the entries; neighbours of one owner share an entry. */
static int
add_entry(PageEntry *entries, int count, const PageEntry *entry)
{
	if (count > 0 && same_owner(&entries[count - 1], entry))
	{
		entries[count - 1].fold += entry->fold;
		entries[count - 1].adornments |= entry->adornments;
		return count;
	}
	entries[count] = *entry;
	return count + 1;
}

/* Reads the visible rows of a locked page; entries has room for all of them. */
static int
read_entries(const DbmWatchedCatalog *catalog, Relation relation, Buffer buffer, Snapshot snapshot,
			 PageEntry *entries)
{
	Page page = BufferGetPage(buffer);
	BlockNumber block = BufferGetBlockNumber(buffer);
	OffsetNumber last = PageGetMaxOffsetNumber(page);
	/* what the server brought along: asked for each row it would be half of the work */
	bool all_visible = PageIsAllVisible(page) && !snapshot->takenDuringRecovery;
	int count = 0;

	for (OffsetNumber at = FirstOffsetNumber; at <= last; at++)
	{
		ItemId item = PageGetItemId(page, at);
		HeapTupleData tuple;
		PageEntry entry = {0};
		DbmWatch watch;

		if (!ItemIdIsNormal(item))
			continue;
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
		tuple.t_len = ItemIdGetLength(item);
		tuple.t_tableOid = RelationGetRelid(relation);
		ItemPointerSet(&tuple.t_self, block, at);
		watch = catalog->row(&tuple, &entry.owner);
		if (watch == DBM_WATCH_IGNORE ||
			!(all_visible || HeapTupleSatisfiesVisibility(&tuple, snapshot, buffer)))
			continue;
		entry.name = watch == DBM_WATCH_NAME;
		entry.adornments = watch == DBM_WATCH_ADORNMENT ? catalog->adornment : 0;
		entry.fold = fold_tuple(catalog, &tuple);
		count = add_entry(entries, count, &entry);
	}
	return count;
}

/* Puts what is on the page now in the place of what was there. */
static void
store_page(DbmWatcher *watcher, WatchedPage *page, const PageEntry *entries, int count)
{
	if (page->entries && page->count != count)
	{
		pfree(page->entries);
		page->entries = NULL;
	}
	if (page->entries == NULL && count > 0)
		page->entries = MemoryContextAlloc(watcher->memory, sizeof(PageEntry) * count);
	if (count > 0)
		memcpy(page->entries, entries, sizeof(PageEntry) * count);
	page->count = count;
}

static void
note_entries(HTAB *differences, const PageEntry *entries, int count, bool before)
{
	for (int at = 0; at < count; at++)
	{
		bool found;
		Difference *difference = hash_search(differences, &entries[at].owner, HASH_ENTER, &found);

		if (!found)
		{
			difference->fold = 0;
			difference->name = entries[at].name;
			difference->known = false;
			difference->adornments = 0;
		}
		difference->adornments |= entries[at].adornments;
		difference->fold += before ? -entries[at].fold : entries[at].fold;
		difference->known |= before;
	}
}

static bool
same_entry(const PageEntry *a, const PageEntry *b)
{
	return same_owner(a, b) && a->fold == b->fold;
}

/* Notes what differs on a page; most of it is as it was, at the start and at the end. */
static void
note_page(HTAB *differences, const WatchedPage *before, const PageEntry *after, int count)
{
	int same = 0;
	int remaining = Min(before->count, count);
	int end = 0;

	while (same < remaining && same_entry(&before->entries[same], &after[same]))
		same++;
	remaining -= same;
	while (end < remaining &&
		   same_entry(&before->entries[before->count - 1 - end], &after[count - 1 - end]))
		end++;
	note_entries(differences, before->entries + same, before->count - same - end, true);
	note_entries(differences, after + same, count - same - end, false);
}

/*
 * Is the page, where it was found last, no newer than the threshold?  Read with
 * neither pin nor lock, which is most of what a look costs: if the buffer holds
 * the same page before and after, what was read is the page's position or, while
 * somebody is changing it, an older one.  Whoever is changing it is running, and
 * what running transactions did is looked at again.
 */
static bool
is_old_at_a_glance(Relation relation, BlockNumber block, Buffer buffer, XLogRecPtr threshold)
{
	XLogRecPtr position;

	if (!BufferIsValid(buffer) || !dbm_buffer_holds(buffer, relation, block))
		return false;
	position = PageGetLSN(BufferGetPage(buffer));
	pg_read_barrier();
	return position <= threshold && dbm_buffer_holds(buffer, relation, block);
}

/*
 * Is the whole catalog as old as that, and its file the one it was?  Asked of
 * the relation cache without a lock, which costs more than the rest of it.
 * What is found to be old is so, as above; whoever gives the catalog another
 * file is running, too, and takes the pages out of their buffers.
 */
static bool
is_quiet_at_a_glance(WatchedFile *file, Oid catalog, XLogRecPtr threshold)
{
	Relation relation = RelationIdGetRelation(catalog);
	bool quiet;

	if (!RelationIsValid(relation))
		return false;
	quiet = file->file == dbm_file_number(relation) &&
			file->nblocks == RelationGetNumberOfBlocks(relation);
	for (BlockNumber block = 0; quiet && block < file->nblocks; block++)
		quiet = is_old_at_a_glance(relation, block, file->pages[block].buffer, threshold);
	RelationClose(relation);
	return quiet;
}

/* Looks at one page unless it is no newer than the threshold; without one, always. */
static void
look_at_page(DbmWatcher *watcher, int at, Relation relation, BlockNumber block,
			 const XLogRecPtr *threshold, Snapshot snapshot, HTAB *differences)
{
	WatchedPage *page = &watcher->files[at].pages[block];
	Buffer buffer;
	PageEntry entries[MaxHeapTuplesPerPage];
	int count = 0;
	bool newer;

	if (threshold && is_old_at_a_glance(relation, block, page->buffer, *threshold))
		return;
	buffer = ReadBuffer(relation, block);
	page->buffer = buffer;
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	newer = threshold == NULL || PageGetLSN(BufferGetPage(buffer)) > *threshold;
	if (newer)
		count = read_entries(&dbm_watched_catalogs[at], relation, buffer, snapshot, entries);
	UnlockReleaseBuffer(buffer);
	if (!newer)
		return;
	if (differences)
		note_page(differences, page, entries, count);
	store_page(watcher, page, entries, count);
}

/* Makes room for the pages that a catalog has now; takes leave of those it had. */
static void
resize_file(DbmWatcher *watcher, WatchedFile *file, BlockNumber nblocks, HTAB *differences)
{
	for (BlockNumber block = nblocks; block < file->nblocks; block++)
	{
		if (differences)
			note_entries(differences, file->pages[block].entries, file->pages[block].count, true);
		store_page(watcher, &file->pages[block], NULL, 0);
	}
	if (nblocks > file->nblocks)
	{
		Size old_size = sizeof(WatchedPage) * file->nblocks;
		Size new_size = sizeof(WatchedPage) * nblocks;

		if (file->pages)
			file->pages = repalloc_huge(file->pages, new_size);
		else
			file->pages = MemoryContextAllocHuge(watcher->memory, new_size);
		memset((char *) file->pages + old_size, 0, new_size - old_size);
		file->nblocks = nblocks;
	}
}

/*
 * Looks at one catalog.  Pages that it did not have at the last look are always
 * looked at.  False: its file is another one, or its changes are not logged.
 */
static bool
look_at_catalog(DbmWatcher *watcher, int at, const XLogRecPtr *threshold, Snapshot snapshot,
				HTAB *differences)
{
	WatchedFile *file = &watcher->files[at];
	Relation relation;
	bool reliable;

	if (threshold && is_quiet_at_a_glance(file, dbm_watched_catalogs[at].catalog, *threshold))
		return true;
	relation = table_open(dbm_watched_catalogs[at].catalog, AccessShareLock);
	reliable = RelationNeedsWAL(relation);
	if (differences == NULL)
		file->file = dbm_file_number(relation);
	else if (file->file != dbm_file_number(relation))
		reliable = false;
	if (reliable)
	{
		BlockNumber before = file->nblocks;
		BlockNumber nblocks = RelationGetNumberOfBlocks(relation);

		resize_file(watcher, file, nblocks, differences);
		for (BlockNumber block = 0; block < nblocks; block++)
			look_at_page(watcher, at, relation, block, block < before ? threshold : NULL, snapshot,
						 differences);
	}
	table_close(relation, AccessShareLock);
	return reliable;
}

static bool
look_at_all(DbmWatcher *watcher, const XLogRecPtr *threshold, Snapshot snapshot, HTAB *differences)
{
	for (int at = 0; at < dbm_watched_catalog_count; at++)
		if (!look_at_catalog(watcher, at, threshold, snapshot, differences))
			return false;
	return true;
}

bool
dbm_watcher_all(DbmWatcher *watcher, Snapshot snapshot)
{
	return look_at_all(watcher, NULL, snapshot, NULL);
}

static List *
collect_changes(HTAB *differences)
{
	HASH_SEQ_STATUS status;
	Difference *difference;
	List *changes = NIL;

	hash_seq_init(&status, differences);
	while ((difference = hash_seq_search(&status)) != NULL)
	{
		DbmRowChange *change;

		if (difference->fold == 0)
			continue;
		change = palloc(sizeof(DbmRowChange));
		change->owner = difference->owner;
		change->name = difference->name;
		change->known = difference->known;
		change->adornments = difference->adornments;
		changes = lappend(changes, change);
	}
	return changes;
}

bool
dbm_watcher_changes(DbmWatcher *watcher, Snapshot snapshot, List **changes)
{
	HASHCTL control = {.keysize = sizeof(DbmUnitKey),
					   .entrysize = sizeof(Difference),
					   .hcxt = CurrentMemoryContext};
	HTAB *differences = hash_create("dbmaestro catalog differences", 256, &control,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	int look = find_threshold(watcher, watcher->oldest_xid);
	bool reliable = look_at_all(watcher, look < 0 ? NULL : &watcher->looks[look].position, snapshot,
								differences);

	*changes = reliable ? collect_changes(differences) : NIL;
	hash_destroy(differences);
	return reliable;
}
