/*
 * schema/journal.h: names that changed in the live schema since a snapshot
 */
#ifndef DBM_SCHEMA_JOURNAL_H
#define DBM_SCHEMA_JOURNAL_H

#include "schema/live.h"

/* The live schema is as this snapshot, which may yet be rolled back. */
extern void dbm_journal_recorded(DbmLive *live, int64 snapshot);

/*
 * Names of all objects that may differ between the newest snapshot and the
 * live schema (List of DbmObjectName *); false if that is not known.
 */
extern bool dbm_journal_names(DbmLive *live, int64 newest, List **names);

#endif							/* DBM_SCHEMA_JOURNAL_H */
