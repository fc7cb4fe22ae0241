/*
 * ledger/index_shape.h: is an index the one that a statement asks for?
 *
 * Both are brought into one form that can be compared.  Nothing of the
 * expressions is run or folded: whoever may write an index may not run code in
 * the name of those who ask about it.
 */
#ifndef DBM_LEDGER_INDEX_SHAPE_H
#define DBM_LEDGER_INDEX_SHAPE_H

#include "nodes/parsenodes.h"

typedef struct DbmIndexShape
{
	Oid method;
	bool unique;
	bool nulls_not_distinct;
	bool exclusion;
	int nattributes;
	int nkeys;
	AttrNumber *attributes; /* of the table; 0: the next of expressions */
	Oid *collations; /* of keys, as the next three */
	Oid *classes;
	int16 *options; /* INDOPTION_* */
	char **parameters; /* of operator classes */
	char *storage; /* storage parameters */
	bool placed; /* a tablespace is asked for: this one, InvalidOid for the database's own */
	Oid tablespace;
	List *expressions;
	Node *predicate;
} DbmIndexShape;

typedef enum DbmIndexMatch
{
	DBM_INDEX_SAME,
	DBM_INDEX_DIFFERS,
	DBM_INDEX_CANNOT_TELL /* the table is locked, or the statement cannot be analysed */
} DbmIndexMatch;

/*
 * What the statement asks for on this table, which the caller has locked
 * against changes.  Raises what analysis of the statement raises.
 */
extern DbmIndexShape *dbm_index_shape_asked(Oid table, const IndexStmt *statement,
											const char *text);

/* What this index is; NULL if it is gone. */
extern DbmIndexShape *dbm_index_shape_found(Oid index);

/* In what the two differ, as a noun, or NULL. */
extern const char *dbm_index_shape_difference(const DbmIndexShape *asked,
											  const DbmIndexShape *found);

/*
 * Would the server take an index of that shape on a partition for its part of
 * an index of this shape on the partitioned table?  As CompareIndexInfo: order
 * of keys does not count, operator classes do by their families.
 */
extern bool dbm_index_shape_fits(const DbmIndexShape *parent, Oid parent_table,
								 const DbmIndexShape *child, Oid child_table);

/*
 * Compares an index with a statement without raising or waiting; *difference
 * says in what they differ, or why that cannot be told.
 */
extern DbmIndexMatch dbm_index_shape_match(Oid table, const IndexStmt *statement, const char *text,
										   Oid index, const char **difference);

#endif /* DBM_LEDGER_INDEX_SHAPE_H */
