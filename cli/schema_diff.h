/*
 * cli/schema_diff.h: two schemas, object by object
 */
#ifndef DBM_CLI_SCHEMA_DIFF_H
#define DBM_CLI_SCHEMA_DIFF_H

#include "libpq-fe.h"

typedef enum SchemaDifference
{
	SCHEMA_DIFFERS,				/* it is only in one of them, or another there */
	SCHEMA_READS_OTHERWISE,		/* nothing but the text of expressions and queries differs */
} SchemaDifference;

/*
 * Compares the objects of two databases (rows of queries_objects).  Returns
 * what differs: kind, identity, difference.  name is what the first is called,
 * the other is what the script makes.
 */
extern PGresult *schema_diff(const PGresult *live, const PGresult *built, const char *name);

/* How many rows of a schema_diff are of that sort. */
extern int schema_diff_count(const PGresult *difference, SchemaDifference sort);

/* Says in what a new database will not be the same. */
extern void schema_diff_note_accepted(const PGresult *difference);

/* Says which objects read otherwise. */
extern void schema_diff_note_readings(const PGresult *difference);

/* Says what differs although the root hash does not count it. */
extern void schema_diff_note_extras(const PGresult *live, const PGresult *built);

#endif							/* DBM_CLI_SCHEMA_DIFF_H */
