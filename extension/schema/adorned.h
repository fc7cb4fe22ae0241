/*
 * schema/adorned.h: which objects have a comment or a tie to an extension
 *
 * Few objects have either, and every object has to be asked for both.  A pass
 * over everything reads the two catalogs once instead; later the objects whose
 * rows there changed are added.  None is taken out: a set says what may be.
 * Of what the server brought along anything may be.
 */
#ifndef DBM_SCHEMA_ADORNED_H
#define DBM_SCHEMA_ADORNED_H

#include "utils/snapshot.h"

#include "schema/pass.h"

/* Adornments, as bits. */
#define DBM_ADORNED_COMMENT 1
#define DBM_ADORNED_EXTENSION 2
/* beside the latter, as of when the set was read */
#define DBM_ADORNED_MEMBER 4

/* Reads the catalogs under the snapshot, in the current memory context. */
extern DbmAdorned *dbm_adorned_read(Snapshot snapshot);

/* Makes an empty set for about so many objects, in the current memory context. */
extern DbmAdorned *dbm_adorned_make(int expected);

extern void dbm_adorned_add(DbmAdorned *adorned, DbmUnitKey object, int adornments);

/* May the object (or a part of it) have one of these? */
extern bool dbm_adorned_has(DbmAdorned *adorned, Oid classid, Oid objid, int adornments);

/* Number of objects in the set; calls the function for each. */
extern int dbm_adorned_count(DbmAdorned *adorned);
extern void dbm_adorned_each(DbmAdorned *adorned,
							 void (*function)(DbmUnitKey object, int adornments, void *arg),
							 void *arg);

#endif							/* DBM_SCHEMA_ADORNED_H */
