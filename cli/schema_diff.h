/*
 * cli/schema_diff.h: two schemas, object by object
 */
#ifndef DBM_CLI_SCHEMA_DIFF_H
#define DBM_CLI_SCHEMA_DIFF_H

#include "libpq-fe.h"

/*
 * Compares the objects of two databases (rows of queries_objects).  Returns
 * what differs: kind, identity, difference.  name is what the first is called;
 * extras are compared instead of what the root hash counts if wanted.
 */
extern PGresult *schema_diff(const PGresult *live, const PGresult *built, const char *name,
							 bool extras);

/* Says what differs although the root hash does not count it. */
extern void schema_diff_note_extras(const PGresult *live, const PGresult *built);

#endif							/* DBM_CLI_SCHEMA_DIFF_H */
