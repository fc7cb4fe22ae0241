/*
 * schema/adorned.h: which objects have a comment or a tie to an extension
 *
 * Few objects have either, and every object has to be asked for both.  A pass
 * over everything reads the two catalogs once instead.
 */
#ifndef DBM_SCHEMA_ADORNED_H
#define DBM_SCHEMA_ADORNED_H

#include "utils/snapshot.h"

typedef struct DbmAdorned DbmAdorned;

/* Reads the catalogs under the snapshot, in the current memory context. */
extern DbmAdorned *dbm_adorned_read(Snapshot snapshot);

/* Has the object (or a part of it) a comment; is it tied to an extension? */
extern bool dbm_has_comment(DbmAdorned *adorned, Oid classid, Oid objid);
extern bool dbm_has_extension(DbmAdorned *adorned, Oid classid, Oid objid);

#endif							/* DBM_SCHEMA_ADORNED_H */
