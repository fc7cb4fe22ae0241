/*
 * ledger/index_state.h: what state an index is in, and who is at work on it
 */
#ifndef DBM_LEDGER_INDEX_STATE_H
#define DBM_LEDGER_INDEX_STATE_H

#include "nodes/pg_list.h"

typedef struct DbmIndexState
{
	Oid table;
	char kind; /* RELKIND_INDEX or RELKIND_PARTITIONED_INDEX */
	bool valid; /* and ready, and live */
	bool live; /* else it is being dropped */
	bool unique;
	bool held; /* by a constraint or an index of the partitioned table: cannot be dropped */
} DbmIndexState;

/* Reads it; false if it is no index, or gone. */
extern bool dbm_index_state(Oid index, DbmIndexState *state);

/*
 * Waits until nobody else builds, rebuilds or drops an index of the table, and
 * until what was done about this one is committed; then nobody can begin to in
 * this transaction.  To be called without a snapshot, which is what a concurrent
 * build waits for in its turn.
 */
extern void dbm_index_lock(Oid index, Oid table);

/* Oids of all indexes of this table, also of those that nobody may use; sorted. */
extern List *dbm_index_list(Oid table);

/* How many of these indexes are valid. */
extern int dbm_index_count_valid(List *indexes);

/*
 * Pid of another session that builds or rebuilds an index of this table now, or
 * 0.  Such a session holds a lock, so there is one at most; it is known by the
 * progress it reports, which needs track_activities there.
 */
extern int dbm_index_builder(Oid table);

#endif /* DBM_LEDGER_INDEX_STATE_H */
