/*
 * ledger/session.h: what a session keeps beyond its transactions
 *
 * Advisory locks of the session, and the channels it listens on.  A run leaves
 * neither behind; of what the session had before nothing is lost, unless the
 * script gave up a lock, which somebody else may have taken since.
 */
#ifndef DBM_LEDGER_SESSION_H
#define DBM_LEDGER_SESSION_H

#include "nodes/pg_list.h"

/* The advisory locks of this session at this moment, to be given to the next function. */
extern List *dbm_session_locks(void);

/* Releases the session's advisory locks that are not among these; whatever became of the run. */
extern void dbm_session_keep_locks(List *held);

/*
 * Lets the session listen, from the commit on, on those channels that it
 * listens on now, whatever this transaction has asked for.
 */
extern void dbm_session_keep_channels(void);

#endif							/* DBM_LEDGER_SESSION_H */
