/*
 * schema/current.c: the schema of now
 */
#include "postgres.h"
#include "access/xact.h"
#include "utils/snapmgr.h"
#include "schema/live.h"
#include "schema/schema.h"
void
dbm_schema_root(uint8 *root)
{
	DbmLive *live = dbm_live_make(CurrentMemoryContext);
	Snapshot snapshot;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	dbm_live_fill(live, snapshot);
	UnregisterSnapshot(snapshot);
	memcpy(root, dbm_live_root(live, DBM_TREE_SCHEMA), DBM_DIGEST_LENGTH);
	dbm_live_free(live);
}
