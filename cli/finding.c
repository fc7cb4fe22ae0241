/*
 * cli/finding.c: what is wrong with the files of a repository
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "finding.h"
#include "message.h"
#include "table.h"

void
findings_add(Findings *findings, FindingSeverity severity, const char *path, int line,
			 const char *advice, const char *format, ...)
{
	va_list arguments;
	Finding *finding;

	findings->items = pg_realloc(findings->items, (findings->count + 1) * sizeof(Finding));
	finding = &findings->items[findings->count++];
	*finding = (Finding) {severity, pg_strdup(path), line, NULL, advice};
	va_start(arguments, format);
	if (vasprintf(&finding->finding, format, arguments) < 0)
		message_die(EXIT_ERROR, NULL, "out of memory");
	va_end(arguments);
}

int
findings_count(const Findings *findings, FindingSeverity severity)
{
	int count = 0;

	for (int at = 0; at < findings->count; at++)
		count += findings->items[at].severity == severity;
	return count;
}

void
findings_require_none(const Findings *findings)
{
	if (findings_count(findings, FINDING_ERROR) == 0)
		return;
	for (int at = 0; at < findings->count; at++)
	{
		const Finding *finding = &findings->items[at];

		if (finding->severity != FINDING_ERROR)
			continue;
		message_error("\"%s\": %s", finding->path, finding->finding);
		message_hint("%s", finding->advice);
	}
	exit(EXIT_ERROR);
}

PGresult *
findings_rows(const Findings *findings)
{
	static const TableColumn columns[] = {{"severity", TEXTOID}, {"path", TEXTOID},
										  {"line", INT4OID},	 {"finding", TEXTOID},
										  {"advice", TEXTOID},	 {NULL, 0}};
	PGresult *rows = table_make(columns);

	for (int at = 0; at < findings->count; at++)
	{
		const Finding *finding = &findings->items[at];

		table_add(rows, finding->severity == FINDING_ERROR ? "error" : "warning", finding->path,
				  finding->line ? psprintf("%d", finding->line) : NULL, finding->finding,
				  finding->advice);
	}
	return rows;
}
