/*
 * core/table.h: reading and writing the tables of schema dbmaestro
 *
 * Every table of ours is described by a constant DbmTable beside the code that
 * owns it.  Rows are written here and nowhere else: straight into heap and
 * indexes, so that no trigger, rule, default or row security policy that
 * somebody hung on the table takes part.  Before a table is used its shape is
 * compared with the description, once per relcache invalidation; an altered
 * table fails closed (ERRCODE_DBM_TABLE_ALTERED).
 */
#ifndef DBM_CORE_TABLE_H
#define DBM_CORE_TABLE_H

#include "access/genam.h"
#include "access/skey.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"

#define DBM_MAX_COLUMNS 40

typedef struct DbmColumn
{
	const char *name;
	Oid			type;			/* a built-in type */
} DbmColumn;

typedef struct DbmTable
{
	const char *name;			/* without schema */
	const DbmColumn *columns;	/* in attribute order */
	int			ncolumns;
	const char *primary_key;	/* name of the primary key's index */
	const char *sequence;		/* source of its bigint id, or NULL */
} DbmTable;

/* One row on its way into a table; unset columns are NULL. */
typedef struct DbmRow
{
	const DbmTable *table;
	Datum		values[DBM_MAX_COLUMNS];
	bool		nulls[DBM_MAX_COLUMNS];
} DbmRow;

/* Returns a palloc'd row with all columns NULL. */
extern DbmRow *dbm_row_make(const DbmTable *table);

/* Set one column, numbered from 0.  A NULL pointer sets NULL. */
extern void dbm_row_set(DbmRow *row, int column, Datum value);
extern void dbm_row_set_text(DbmRow *row, int column, const char *value);
extern void dbm_row_set_bytes(DbmRow *row, int column, const uint8 *bytes, size_t length);
extern void dbm_row_set_digest(DbmRow *row, int column, const uint8 *digest);
extern void dbm_row_set_int64(DbmRow *row, int column, int64 value);

/* Takes the next id from the table's sequence (survives a rollback). */
extern int64 dbm_table_next_id(const DbmTable *table);

/*
 * The same for a table to which one writer at a time adds, as the caller sees
 * to: the id is greater than all that the table holds, whatever was done to the
 * sequence.
 */
extern int64 dbm_table_next_greatest_id(const DbmTable *table);

/*
 * Inserts one row in the current transaction and makes it visible to later
 * commands.  Raises if the transaction is read-only, the server in recovery or
 * the table altered; unique violations and checks as the server words them.
 */
extern void dbm_table_insert(const DbmRow *row);

/* The same for many rows of one table: open once, insert often, end once. */
typedef struct DbmWriter DbmWriter;
extern DbmWriter *dbm_writer_begin(const DbmTable *table);
extern void dbm_writer_insert(DbmWriter *writer, const DbmRow *row);
extern void dbm_writer_end(DbmWriter *writer);

/*
 * Reads rows in index order.  Keys are made with ScanKeyInit on attribute
 * numbers (1-based); index NULL means a sequential scan.  Rows come from a
 * fresh snapshot, never from the transaction's.
 */
typedef struct DbmScan DbmScan;
extern DbmScan *dbm_scan_begin(const DbmTable *table, const char *index, int nkeys, ScanKey keys);
/* Fills row (columns point into the scan's current tuple), false at the end. */
extern bool dbm_scan_next(DbmScan *scan, DbmRow *row);
/* As above, but from the greatest key down; only for scans over an index. */
extern bool dbm_scan_previous(DbmScan *scan, DbmRow *row);
/* Where the row last read is stored, for dbm_table_update. */
extern ItemPointerData dbm_scan_tid(DbmScan *scan);
extern void dbm_scan_end(DbmScan *scan);

/* Reads the single row with this primary key; false if there is none.  Values are palloc'd. */
extern bool dbm_table_get_text(const DbmTable *table, const char *key, DbmRow *row,
							   ItemPointer tid);
extern bool dbm_table_get_int64(const DbmTable *table, int64 key, DbmRow *row, ItemPointer tid);

/* Replaces or removes the row at tid. */
extern void dbm_table_update(const DbmRow *row, ItemPointer tid);
extern void dbm_table_delete(const DbmTable *table, ItemPointer tid);

/* Copies the values a scan put into row, so that they outlive it. */
extern void dbm_row_copy(DbmRow *row);

/* Convenience readers; text is palloc'd, NULL when the column is NULL. */
extern char *dbm_row_text(const DbmRow *row, int column);
extern int64 dbm_row_int64(const DbmRow *row, int column);
extern Oid	dbm_row_oid(const DbmRow *row, int column);
/* A bytea column of 32 bytes; false when NULL. */
extern bool dbm_row_digest(const DbmRow *row, int column, uint8 *digest);

/*
 * Takes a lock that conflicts with itself only, until the end of the
 * transaction: one writer at a time for tables whose rows are replaced.
 */
extern void dbm_table_lock(const DbmTable *table);

/* The same, if nobody else has it at this moment; false: somebody has. */
extern bool dbm_table_try_lock(const DbmTable *table);

/* Oid of the table (or InvalidOid where the extension is not installed). */
extern Oid	dbm_table_oid(const DbmTable *table);

/* Compares the table with its description: NULL if as made, else what differs (palloc'd). */
extern char *dbm_table_difference(const DbmTable *table);

/*
 * Rows as bytes, for records that must outlive the transaction: appends one
 * row to the buffer; reads one row at *at and moves it on, raising on
 * malformed input.  known is a NULL-terminated list of the tables accepted.
 */
extern void dbm_row_serialize(StringInfo buffer, const DbmRow *row);
extern DbmRow *dbm_row_deserialize(StringInfo buffer, const DbmTable *const *known);

#endif							/* DBM_CORE_TABLE_H */
