/*
 * audit/spill.h: the files that hold records until they are in the tables
 *
 * One file per record, <data directory>/dbmaestro/<database oid>/<uuid>.record,
 * complete and fsynced before it has that name.  What can't be read is renamed
 * to .broken and kept.  None of these functions raises for the fault of a
 * file: they tell the server log.
 */
#ifndef DBM_AUDIT_SPILL_H
#define DBM_AUDIT_SPILL_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/uuid.h"

#define DBM_SPILL_RECORD ".record"
#define DBM_SPILL_BROKEN ".broken"

/* Makes the record durable under the name of the event; false: it is not. */
extern bool dbm_spill_write(const pg_uuid_t *event_id, const StringInfo record);

/* Is the record of this event still waiting? */
extern bool dbm_spill_waits(const pg_uuid_t *event_id);

/* File names of at most limit waiting records (List of char *). */
extern List *dbm_spill_list(int limit);

/* Reads one of them, NULL if it is not as it was written (or gone). */
extern StringInfo dbm_spill_read(const char *name);

/* Removes one that has been entered; renames one that can't be. */
extern void dbm_spill_remove(const char *name);
extern void dbm_spill_set_aside(const char *name);

/* Number of files with this ending. */
extern int	dbm_spill_count(const char *ending);

/*
 * Records that could not be written, counted in a file made beforehand, which
 * a full disk lets us overwrite: how many were lost, and for how many of these
 * the trail holds an event.
 */
typedef struct DbmSpillLosses
{
	int64		lost;
	int64		entered;
} DbmSpillLosses;

extern void dbm_spill_count_loss(void);
extern void dbm_spill_losses_entered(int64 entered);
extern DbmSpillLosses dbm_spill_losses(void);

/* Makes the folder and the counter of this database if they are missing. */
extern void dbm_spill_prepare(void);

#endif							/* DBM_AUDIT_SPILL_H */
