/*
 * schema/saved_bytes.h: the live schema and the watcher as bytes and back
 */
#ifndef DBM_SCHEMA_SAVED_BYTES_H
#define DBM_SCHEMA_SAVED_BYTES_H

#include "lib/stringinfo.h"

#include "schema/changes.h"
#include "schema/live.h"

/* What the last look has found. */
extern StringInfo dbm_saved_pack(DbmLive *live, const DbmWatcher *watcher);

/*
 * The reverse, in the current memory context, with a journal that begins at
 * this snapshot; has a new watcher go on from there.  NULL if it is of no use
 * here.  Raises ERRCODE_DATA_CORRUPTED, holding nothing but memory, at bytes
 * that mean nothing.
 */
extern DbmLive *dbm_saved_unpack(const char *bytes, int length, int64 snapshot,
								 DbmWatcher *watcher);

#endif							/* DBM_SCHEMA_SAVED_BYTES_H */
