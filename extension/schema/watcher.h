/*
 * schema/watcher.h: what a backend knows of the pages of the catalogs
 *
 * For changes.c, which looks at them, and saved.c, which hands what one session
 * has seen to the next.
 */
#ifndef DBM_SCHEMA_WATCHER_H
#define DBM_SCHEMA_WATCHER_H

#include "storage/buf.h"

#include "core/own_writes.h"
#include "schema/changes.h"

#define MAX_LOOKS 16

/* The visible rows of one owner on one page, folded into a number. */
typedef struct PageEntry
{
	DbmUnitKey owner;
	uint64 fold;
	bool name;
	uint8 adornments;
	uint8 unused[6];			/* saved as they are, so no byte may be left as it was */
} PageEntry;

StaticAssertDecl(sizeof(PageEntry) == 24, "a page entry has gaps");

typedef struct WatchedPage
{
	int count;
	Buffer buffer;				/* where it was found last */
	PageEntry *entries;
} WatchedPage;

typedef struct WatchedFile
{
	Oid file;
	BlockNumber nblocks;
	WatchedPage *pages;
} WatchedFile;

typedef struct Look
{
	XLogRecPtr position;
	uint64 next_xid;
	DbmMoment moment;
} Look;

struct DbmWatcher
{
	MemoryContext memory;
	WatchedFile *files;			/* in the order of dbm_watched_catalogs */
	Look present;
	Look mark;					/* before the first look */
	bool marked;
	Look looks[MAX_LOOKS];		/* oldest first */
	int nlooks;
	uint64 oldest_xid;			/* oldest running at the last look */
	FullTransactionId own_xid;	/* ours at the last look */
	DbmHorizon horizon;
};

/*
 * Pages that are not newer than this will not be looked at again once the
 * present transaction has committed; InvalidXLogRecPtr: all will.
 */
extern XLogRecPtr dbm_watcher_threshold(const DbmWatcher *watcher);

/*
 * Has a new watcher go on from what its files hold: pages that are not newer
 * than the threshold will not be looked at, others will.
 */
extern void dbm_watcher_resume(DbmWatcher *watcher, XLogRecPtr threshold, uint64 oldest_xid);

#endif							/* DBM_SCHEMA_WATCHER_H */
