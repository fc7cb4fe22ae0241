/*
 * script/lookup.h: what the catalogs say of the names in a script
 *
 * By the search path of the script and not that of the session, without asking
 * who may see what: the role that reads a script is not the one that runs it.
 * Nothing here raises because something does not exist.
 */
#ifndef DBM_SCRIPT_LOOKUP_H
#define DBM_SCRIPT_LOOKUP_H

#include "script/note.h"

/* A partitioned table or index?  path is a search_path; NULL: the initial one. */
extern bool dbm_lookup_is_partitioned(const RangeVar *relation, const char *path);

/* A subscription of this database with a slot? */
extern bool dbm_lookup_has_slot(const char *subscription);

/*
 * Can the code of a statement end the transaction that runs it?  Procedures
 * which it calls are looked up in the script above the statement, then in the
 * catalogs, and so are those that they call.
 */
extern bool dbm_lookup_ends_transaction(const DbmScript *script, const DbmNote *note,
										const char *path);

#endif /* DBM_SCRIPT_LOOKUP_H */
