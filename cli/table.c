/*
 * cli/table.c: rows that we make ourselves, in the form in which the server's come
 *
 * One form for both means one way to print: print.c knows nothing else.
 */
#include "postgres_fe.h"

#include "common/logging.h"

#include "table.h"

static void
require_memory(bool succeeded)
{
	if (!succeeded)
		pg_fatal("out of memory");
}

PGresult *
table_make(const TableColumn *columns)
{
	PGresult *table = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc *descriptions;
	int count = 0;

	while (columns[count].key)
		count++;
	descriptions = pg_malloc0(count * sizeof(PGresAttDesc));
	for (int at = 0; at < count; at++)
	{
		descriptions[at].name = unconstify(char *, columns[at].key);
		descriptions[at].typid = columns[at].type;
	}
	require_memory(table && PQsetResultAttrs(table, count, descriptions));
	pg_free(descriptions);
	return table;
}

void
table_add(PGresult *table, ...)
{
	va_list values;
	int row = PQntuples(table);

	va_start(values, table);
	for (int column = 0; column < PQnfields(table); column++)
	{
		const char *value = va_arg(values, const char *);

		require_memory(PQsetvalue(table, row, column, unconstify(char *, value),
								  value ? (int) strlen(value) : -1));
	}
	va_end(values);
}
