/*
 * ledger/index_name.h: the name that the server would give to an index
 */
#ifndef DBM_LEDGER_INDEX_NAME_H
#define DBM_LEDGER_INDEX_NAME_H

#include "nodes/parsenodes.h"

/*
 * The name, without schema, that CREATE INDEX without a name would choose for
 * an index on this table; none of taken (char *, as dbm_index_name_text writes
 * them) either.
 */
extern char *dbm_index_name_free(Oid table, const IndexStmt *statement, const List *taken);

/*
 * An index on this table that CREATE INDEX without a name may have made: it
 * has the definition asked for and a name that the server chooses.  One that
 * is not valid goes before one that is; InvalidOid if there is none.
 */
extern Oid dbm_index_name_look(Oid table, const IndexStmt *statement, const char *text);

/* A name in the schema of this table, quoted where needed. */
extern char *dbm_index_name_text(Oid table, const char *name);

#endif /* DBM_LEDGER_INDEX_NAME_H */
