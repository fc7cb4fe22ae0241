/*
 * ledger/inheritance.h: who is a partition of whom, by pg_inherits
 *
 * Of tables and of indexes; without a lock on either.
 */
#ifndef DBM_LEDGER_INHERITANCE_H
#define DBM_LEDGER_INHERITANCE_H

#include "nodes/pg_list.h"

/* The parent, or InvalidOid; *pending: it is being detached concurrently.  pending may be NULL. */
extern Oid dbm_inheritance_parent(Oid child, bool *pending);

/* Oids of the children that are not being detached. */
extern List *dbm_inheritance_children(Oid parent);

/* The relation and all below it, of whatever depth. */
extern List *dbm_inheritance_tree(Oid root);

#endif /* DBM_LEDGER_INHERITANCE_H */
