/*
 * schema/watched.h: the catalogs whose pages tell what changed
 */
#ifndef DBM_SCHEMA_WATCHED_H
#define DBM_SCHEMA_WATCHED_H

#include "access/htup.h"

#include "schema/pass.h"

/* What a changed row means. */
typedef enum DbmWatch
{
	DBM_WATCH_IGNORE,
	DBM_WATCH_ROW,				/* describe the unit it belongs to again */
	DBM_WATCH_ADORNMENT,		/* the same, and it adorns its object */
	DBM_WATCH_NAME				/* its name may be in anything: describe everything again */
} DbmWatch;

typedef struct DbmWatchedCatalog
{
	Oid catalog;
	/*
	 * Says whose row it is: key of the unit or of a member of one.  A name
	 * without oid counts even when it is new.
	 */
	DbmWatch (*row)(HeapTuple tuple, DbmUnitKey *owner);
	/* Hashes what counts of the row; NULL: any new version of it counts. */
	uint64 (*content)(HeapTuple tuple);
	int adornment;				/* which one its rows are, see adorned.h */
} DbmWatchedCatalog;

extern const DbmWatchedCatalog dbm_watched_catalogs[];
extern const int dbm_watched_catalog_count;

#endif							/* DBM_SCHEMA_WATCHED_H */
