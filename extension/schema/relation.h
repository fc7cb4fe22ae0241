/*
 * schema/relation.h: a relation while it is being described
 */
#ifndef DBM_SCHEMA_RELATION_H
#define DBM_SCHEMA_RELATION_H

#include "catalog/pg_class.h"

#include "schema/deparse.h"
#include "schema/pass.h"

typedef struct DbmRelation
{
	Oid oid;
	HeapTuple tuple;			/* the row of pg_class */
	TupleDesc descriptor;
	Form_pg_class form;
	char *identity;
	DbmColumns columns;
	List *attributes;			/* copied rows of pg_attribute, live and dropped, in order */
	List *system_attributes;	/* those with privileges of their own */
	List *comments;				/* DbmColumnComment */
} DbmRelation;

typedef struct DbmColumnComment
{
	int column;					/* 0: the relation itself */
	char *text;
} DbmColumnComment;

/* The parts of a relation, each in a file of its own. */
extern void dbm_put_columns(DbmPass *pass, StringInfo body, DbmRelation *relation);
extern void dbm_put_column_names(StringInfo body, const char *tag, DbmRelation *relation,
								 const int16 *numbers, int count);
extern void dbm_describe_keys(DbmPass *pass, DbmRelation *relation);
extern void dbm_describe_triggers(DbmPass *pass, DbmRelation *relation);
/* Appends how the triggers of a partitioned table are switched, on which its partitions' copies hang. */
extern void dbm_name_triggers(DbmPass *pass, StringInfo names, DbmRelation *relation);
extern void dbm_describe_rules(DbmPass *pass, DbmRelation *relation);
extern void dbm_describe_policies(DbmPass *pass, DbmRelation *relation);
extern void dbm_describe_statistics(DbmPass *pass, DbmRelation *relation);
extern void dbm_put_sequence(DbmPass *pass, StringInfo body, DbmRelation *relation);
extern void dbm_put_view(DbmPass *pass, StringInfo body, DbmRelation *relation);
extern void dbm_put_partitioning(DbmPass *pass, StringInfo body, DbmRelation *relation);

/* Comment of the relation (column 0) or one of its columns, NULL if none. */
extern const char *dbm_relation_comment(DbmRelation *relation, int column);

/* Columns of an object that hangs on a relation: smallints of an int2vector or int2[]. */
extern const int16 *dbm_numbers(Datum array, int *count);

#endif							/* DBM_SCHEMA_RELATION_H */
