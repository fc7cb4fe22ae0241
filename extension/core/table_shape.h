/*
 * core/table_shape.h: is a table of ours still as it was made?
 */
#ifndef DBM_CORE_TABLE_SHAPE_H
#define DBM_CORE_TABLE_SHAPE_H

#include "core/table.h"
#include "utils/rel.h"

/*
 * Raises ERRCODE_DBM_TABLE_ALTERED unless columns, types, indexes, triggers,
 * rules, row security, children, owner and privileges are as made.  The answer
 * is kept until the relation cache entry changes.
 */
extern void dbm_shape_require(const DbmTable *table, Relation relation);

/* Registers the invalidation callback. */
extern void dbm_shape_init(void);

#endif							/* DBM_CORE_TABLE_SHAPE_H */
