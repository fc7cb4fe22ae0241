/*
 * core/own_writes.h: has anything changed but by our own hand?
 *
 * What a look at the catalogs has found stands as long as no other transaction
 * has completed and this backend has written nothing but rows of our tables.
 * Both are told by counters, without looking at the catalogs again.  A busy
 * server moves them all the time: then it is looked again.
 */
#ifndef DBM_CORE_OWN_WRITES_H
#define DBM_CORE_OWN_WRITES_H

typedef struct DbmMoment
{
	uint64 completed;			/* transactions of this server, less our own commits */
	uint64 foreign;				/* times that this backend wrote something else */
} DbmMoment;

/* Takes the present moment: call before the snapshot of what is to be remembered is taken. */
extern DbmMoment dbm_moment(void);

/* Has another transaction completed since, or (below) could anything have changed at all? */
extern bool dbm_moment_others(DbmMoment moment);
extern bool dbm_moment_passed(DbmMoment moment);

/* Around every write to a table or sequence of ours. */
extern void dbm_own_write_begin(void);
extern void dbm_own_write_end(void);

extern void dbm_own_writes_init(void);

#endif							/* DBM_CORE_OWN_WRITES_H */
