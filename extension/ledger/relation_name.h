/*
 * ledger/relation_name.h: relations by name and names of relations, where
 * neither need exist
 */
#ifndef DBM_LEDGER_RELATION_NAME_H
#define DBM_LEDGER_RELATION_NAME_H

#include "nodes/primnodes.h"

/*
 * The relation that this name means in the search_path in force, or InvalidOid.
 * Nothing is locked, and nothing is raised for schemas that are not there.
 */
extern Oid dbm_relation_find(const RangeVar *name);

/* The same for a name as a list of strings, as DROP has it. */
extern Oid dbm_relation_find_list(const List *name);

/* Its name with its schema, quoted where needed; NULL if it is gone. */
extern char *dbm_relation_text(Oid relation);

/* The name as it was written, quoted where needed. */
extern char *dbm_relation_written(const RangeVar *name);

/* What it is, for messages: "table", "index" ... */
extern const char *dbm_relation_kind_name(char relkind);

#endif /* DBM_LEDGER_RELATION_NAME_H */
