/*
 * cli/cmd_snapshot.c: dbmaestro snapshot ENVIRONMENT
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "commands.h"
#include "print.h"
#include "queries.h"
#include "table.h"

static char *label = NULL;

const Option snapshot_options[] = {
	{OPTION_TEXT, 0, "label", &label, "TEXT", "name it; the trail tells of it then"},
	{OPTION_END},
};

ExitCode
cmd_snapshot(int count, char **arguments)
{
	static const TableColumn columns[] = {
		{"environment", TEXTOID}, {"snapshot", INT8OID}, {"label", TEXTOID}, {NULL, 0}};
	const Config *config = config_load();
	const Environment *environment = config_environment(config, arguments[0]);
	Connection *connection = connection_open(environment);
	PGresult *result = connection_expect(connection, queries_snapshot(connection, label));
	PGresult *table = table_make(columns);

	table_add(table, environment->name, PQgetvalue(result, 0, 0), label);
	print_rows(table, NULL);
	PQclear(table);
	PQclear(result);
	connection_close(connection);
	return EXIT_DONE;
}
