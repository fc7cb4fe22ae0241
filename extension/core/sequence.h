/*
 * core/sequence.h: numbers for our tables
 */
#ifndef DBM_CORE_SEQUENCE_H
#define DBM_CORE_SEQUENCE_H

/* The next number of this sequence, on nextval()'s terms but for rights; lastval() does not see it. */
extern int64 dbm_sequence_next(Oid sequence);

#endif							/* DBM_CORE_SEQUENCE_H */
