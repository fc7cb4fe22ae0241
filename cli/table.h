/*
 * cli/table.h: rows that we make ourselves, in the form in which the server's come
 */
#ifndef DBM_CLI_TABLE_H
#define DBM_CLI_TABLE_H

#include "libpq-fe.h"

/* A column: the key it has in JSON, and the type that says how to print it. */
typedef struct TableColumn
{
	const char *key;
	Oid type;
} TableColumn;

/* An empty table; columns end with one without a key.  PQclear frees it. */
extern PGresult *table_make(const TableColumn *columns);

/* Adds a row: one string for each column, NULL where there is no value. */
extern void table_add(PGresult *table, ...);

#endif							/* DBM_CLI_TABLE_H */
