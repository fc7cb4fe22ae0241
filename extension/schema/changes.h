/*
 * schema/changes.h: which catalog rows changed since the last look
 *
 * Every change of a catalog is logged and leaves its position in the log on
 * the page it touches.  Pages that are not newer than the last look are
 * skipped unread; of the others the visible rows are compared, owner by owner,
 * with what was there before.
 */
#ifndef DBM_SCHEMA_CHANGES_H
#define DBM_SCHEMA_CHANGES_H

#include "access/xlogdefs.h"
#include "utils/snapshot.h"

#include "schema/pass.h"

typedef struct DbmWatcher DbmWatcher;

/* Where the log and the transactions were when a look was taken. */
typedef struct DbmHorizon
{
	XLogRecPtr position;
	uint64 next_xid;
	uint64 oldest_xid;			/* no other running transaction is older */
} DbmHorizon;

/* Owner of rows that changed. */
typedef struct DbmRowChange
{
	DbmUnitKey owner;
	bool name;					/* nothing of it is described, but anything may mention it */
	bool known;					/* had rows on these pages before */
	int adornments;				/* which of these changed, see adorned.h */
} DbmRowChange;

extern DbmWatcher *dbm_watcher_make(MemoryContext memory);

/*
 * Takes a moment before the first look, unless the transaction has written
 * already.  What it writes from here on is told from what was there before; if
 * not, the second look has to read all pages again.
 */
extern void dbm_watcher_mark(DbmWatcher *watcher);

/*
 * Takes the moment of a look: call before the snapshot is taken.  The look
 * ends with dbm_watcher_done, or is as if it had never been.
 */
extern void dbm_watcher_start(DbmWatcher *watcher);
extern void dbm_watcher_done(DbmWatcher *watcher, Snapshot snapshot);

/* Looks at every page; false if the catalogs' pages cannot be relied on. */
extern bool dbm_watcher_all(DbmWatcher *watcher, Snapshot snapshot);

/*
 * Finds the changes that the snapshot sees since the last look (List of
 * DbmRowChange *); false if only describing everything again will do.
 */
extern bool dbm_watcher_changes(DbmWatcher *watcher, Snapshot snapshot, List **changes);

/* The moment of the last look. */
extern void dbm_watcher_horizon(DbmWatcher *watcher, DbmHorizon *horizon);

/* Has any other transaction completed since the look began? */
extern bool dbm_watcher_moved(DbmWatcher *watcher);

/* Is the last look as good as a new one?  Its transaction may have committed meanwhile. */
extern bool dbm_watcher_quiet(DbmWatcher *watcher);

#endif							/* DBM_SCHEMA_CHANGES_H */
