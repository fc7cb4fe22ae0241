/*
 * schema/saved.h: the live schema as one session leaves it to the next
 *
 * Describing a large schema takes far longer than reading what another session
 * made of it, and looking what has changed since.  What is saved is good for
 * this database, this server and this library only, and is part of no dump.
 */
#ifndef DBM_SCHEMA_SAVED_H
#define DBM_SCHEMA_SAVED_H

#include "core/table.h"
#include "schema/changes.h"
#include "schema/live.h"

extern const DbmTable dbm_schema_saved_table;

/*
 * Returns the live schema as it was saved, in a context of its own below
 * parent, and has the watcher go on from there; NULL if there is none that is
 * of use here.
 */
extern DbmLive *dbm_saved_read(MemoryContext parent, DbmWatcher *watcher);

/*
 * Saves what the last look has found, which the snapshot with this number shows
 * as well.  Leaves it to whoever else is doing so at this moment: then, and if
 * there is too much of it, false.
 */
extern bool dbm_saved_write(DbmLive *live, const DbmWatcher *watcher, int64 snapshot);

#endif							/* DBM_SCHEMA_SAVED_H */
