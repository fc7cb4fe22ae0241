/*
 * schema/rows.h: reading catalog rows by key, all under one snapshot
 *
 * Each source is a catalog with one of its indexes.  Relation, index and scan
 * are opened once per reader, so that the many small look-ups of a pass over
 * the schema cost a descent of the tree each and nothing more.
 */
#ifndef DBM_SCHEMA_ROWS_H
#define DBM_SCHEMA_ROWS_H

#include "access/genam.h"
#include "executor/tuptable.h"
#include "utils/hsearch.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

typedef enum DbmSource
{
	/* the row of one object, by oid */
	DBM_NAMESPACE_BY_OID,
	DBM_CLASS_BY_OID,
	DBM_PROC_BY_OID,
	DBM_TYPE_BY_OID,
	DBM_EXTENSION_BY_OID,
	DBM_EVENT_TRIGGER_BY_OID,
	DBM_DEFAULT_ACL_BY_OID,
	DBM_TRIGGER_BY_OID,
	DBM_OPERATOR_BY_OID,
	DBM_OPCLASS_BY_OID,
	DBM_OPFAMILY_BY_OID,
	DBM_AMOP_BY_OID,
	DBM_AMPROC_BY_OID,
	DBM_ACCESS_METHOD_BY_OID,
	DBM_LANGUAGE_BY_OID,
	DBM_CAST_BY_OID,
	DBM_TRANSFORM_BY_OID,
	DBM_COLLATION_BY_OID,
	DBM_CONVERSION_BY_OID,
	DBM_TS_CONFIG_BY_OID,
	DBM_TS_DICT_BY_OID,
	DBM_TS_TEMPLATE_BY_OID,
	DBM_TS_PARSER_BY_OID,
	DBM_FOREIGN_WRAPPER_BY_OID,
	DBM_SERVER_BY_OID,
	DBM_USER_MAPPING_BY_OID,
	DBM_PUBLICATION_BY_OID,
	DBM_SUBSCRIPTION_BY_OID,
	/* the rows that make up a relation */
	DBM_ATTRIBUTE_OF_RELATION,
	DBM_ATTRDEF_OF_RELATION,
	DBM_CONSTRAINT_OF_RELATION,
	DBM_INDEX_OF_RELATION,
	DBM_INHERITS_OF_RELATION,
	DBM_PARTITIONED_BY_RELATION,
	DBM_TRIGGER_OF_RELATION,
	DBM_REWRITE_OF_RELATION,
	DBM_POLICY_OF_RELATION,
	DBM_SEQUENCE_BY_RELATION,
	DBM_STATISTIC_OF_RELATION,
	DBM_FOREIGN_TABLE_BY_RELATION,
	/* the rows that make up something else */
	DBM_CONSTRAINT_OF_DOMAIN,
	DBM_ENUM_OF_TYPE,
	DBM_RANGE_BY_TYPE,
	DBM_AGGREGATE_BY_PROC,
	DBM_TS_CONFIG_MAP_OF_CONFIG,
	DBM_PUBLICATION_REL_OF_PUBLICATION,
	/* what hangs on any object: keys (class, object) in the order of the index */
	DBM_DESCRIPTION_OF_OBJECT,
	DBM_LABEL_OF_OBJECT,
	DBM_DEPEND_OF_OBJECT,
	DBM_DEPEND_ON_OBJECT,
	DBM_SOURCES
} DbmSource;

typedef struct DbmReader DbmReader;

/* A scan in progress; one at a time per source. */
typedef struct DbmRows
{
	Relation catalog;
	Relation index;				/* NULL: the catalog is empty */
	IndexScanDesc scan;
	TupleTableSlot *slot;
	MemoryContext memory;		/* an index scan allocates when it likes */
	HTAB *kept;					/* rows read in advance, NULL: none */
	bool busy;
} DbmRows;

/* Makes a reader in the current memory context; the snapshot must outlive it. */
extern DbmReader *dbm_reader_begin(Snapshot snapshot);
extern void dbm_reader_end(DbmReader *reader);

extern Snapshot dbm_reader_snapshot(DbmReader *reader);

/* Starts reading the rows with this key (these keys). */
extern DbmRows *dbm_rows(DbmReader *reader, DbmSource source, Oid key);
extern DbmRows *dbm_rows_pair(DbmReader *reader, DbmSource source, Oid first, Oid second);

/* Next row, valid until the following call, or NULL at the end (which ends the scan). */
extern HeapTuple dbm_rows_next(DbmRows *rows);

/* Ends a scan before its last row. */
extern void dbm_rows_stop(DbmRows *rows);

/* A column of the current row. */
extern Datum dbm_rows_value(DbmRows *rows, AttrNumber column, bool *is_null);

/* A column of type text or pg_node_tree of the current row, palloc'd, or NULL. */
extern char *dbm_rows_text(DbmRows *rows, AttrNumber column);

/*
 * Reads rows of the user's objects in advance, those that are wanted (NULL:
 * all), for whoever is going to ask for most of them: one pass over the catalog
 * instead of a descent for each.  For sources whose catalog has a unique oid as
 * its first column, which is the key.
 */
extern void dbm_rows_keep(DbmReader *reader, DbmSource source, bool (*wanted)(HeapTuple tuple));

/*
 * The single row with this key, or NULL; descriptor may be NULL.  The row is a
 * copy, or one kept by the reader: not to be written to or freed.
 */
extern HeapTuple dbm_row_copied(DbmReader *reader, DbmSource source, Oid key,
								TupleDesc *descriptor);

/* Descriptor of the source's catalog. */
extern TupleDesc dbm_source_descriptor(DbmReader *reader, DbmSource source);

/* Columns of a copied row. */
extern char *dbm_tuple_text(HeapTuple tuple, TupleDesc descriptor, AttrNumber column);
extern Datum dbm_tuple_value(HeapTuple tuple, TupleDesc descriptor, AttrNumber column,
							 bool *is_null);
/* A column that cannot be NULL. */
extern Datum dbm_tuple_datum(HeapTuple tuple, TupleDesc descriptor, AttrNumber column);

/*
 * Statistics target in this column, -1 when it is the default: the column is an
 * integer up to 16 and a nullable smallint from 17.
 */
extern int dbm_statistics_target(HeapTuple tuple, TupleDesc descriptor, AttrNumber column);

#endif							/* DBM_SCHEMA_ROWS_H */
