/*
 * schema/keys.h: what kind_index.c and kind_constraint.c know of each other
 *
 * The index behind a constraint is described as part of the constraint.
 */
#ifndef DBM_SCHEMA_KEYS_H
#define DBM_SCHEMA_KEYS_H

#include "catalog/pg_constraint.h"

#include "schema/relation.h"

/* An index of the relation being described. */
typedef struct DbmIndex
{
	HeapTuple tuple;			/* copied row of pg_index */
	TupleDesc descriptor;
	HeapTuple class_tuple;		/* copied row of pg_class */
	TupleDesc class_descriptor;
} DbmIndex;

/* Reads the indexes of the relation (List of DbmIndex *), naming them as members. */
extern List *dbm_read_indexes(DbmPass *pass, DbmRelation *relation);

/* The index with this oid in the list, or NULL. */
extern DbmIndex *dbm_find_index(List *indexes, Oid oid);

/* Appends method, columns, predicate, storage of an index; operators: of an exclusion constraint. */
extern void dbm_put_index(DbmPass *pass, StringInfo body, DbmRelation *relation, DbmIndex *index,
						  const Oid *operators);

/* Emits the indexes that no constraint stands for. */
extern void dbm_describe_index(DbmPass *pass, DbmRelation *relation, DbmIndex *index);

#endif							/* DBM_SCHEMA_KEYS_H */
