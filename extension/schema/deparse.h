/*
 * schema/deparse.h: stored node trees to text, without opening relations
 *
 * The only file that touches the server's deparser.
 */
#ifndef DBM_SCHEMA_DEPARSE_H
#define DBM_SCHEMA_DEPARSE_H

#include "nodes/pg_list.h"

/* What an expression over one relation needs to know of it. */
typedef struct DbmColumns
{
	Oid relation;
	const char *name;			/* raw name of the relation */
	int count;					/* including dropped columns */
	const char **names;			/* "" for a dropped column */
	List *context;				/* made at the first expression */
} DbmColumns;

/* An expression over one relation; columns NULL: over none. */
extern char *dbm_deparse(const char *node_text, DbmColumns *columns);

/* An expression over a relation that is not the one being described: opens it. */
extern char *dbm_deparse_over(const char *node_text, Oid relation);

/* A list of expressions, each deparsed. */
extern List *dbm_deparse_list(const char *node_text, DbmColumns *columns);

/* The condition of a trigger, over OLD and NEW. */
extern char *dbm_deparse_trigger_condition(const char *node_text, DbmColumns *columns);

/*
 * The query of a view.  The names of its columns may have changed since it was
 * made, so they are put into the query first.
 */
extern char *dbm_deparse_view(const char *action, DbmColumns *columns);

/*
 * Takes note of a node tree that is deparsed elsewhere, as all of the above do
 * of theirs: does it show a name by its number, without depending on it?  So do
 * constants of types that hold a regclass or its like.  dbm_deparse_hidden says
 * whether any tree did since it was asked last.
 */
extern void dbm_deparse_note(const char *node_text);
extern bool dbm_deparse_hidden(void);

/* The bounds of a partition, whose constants no dependency is recorded for at all. */
extern char *dbm_deparse_bound(const char *node_text);

/* Name of a column, system columns included. */
extern const char *dbm_column_name(DbmColumns *columns, int number);

#endif							/* DBM_SCHEMA_DEPARSE_H */
