/*
 * cli/record.c: looking into the record of an environment, as audit and history do it
 */
#include "postgres_fe.h"

#include "compat.h"
#include "message.h"
#include "print.h"
#include "record.h"

static char *since = NULL;
static char *until = NULL;
static char *change = NULL;
static char *role = NULL;
static char *limit = "100";

const Option record_options[] = {
	{OPTION_TEXT, 0, "since", &since, "TIME",
	 "from this time on, as the server reads it: 2026-11-22, yesterday, '2026-11-22 10:00+01'"},
	{OPTION_TEXT, 0, "until", &until, "TIME", "before this time"},
	{OPTION_TEXT, 0, "change", &change, "CHANGE", "about this change"},
	{OPTION_TEXT, 0, "role", &role, "ROLE", "by who connected as this role"},
	{OPTION_TEXT, 0, "limit", &limit, "NUMBER",
	 "at most so many, the newest ones; 100 unless given; or all"},
	{OPTION_END},
};

RecordFilter
record_filter(const char *among)
{
	bool all = strcmp(limit, "all") == 0;

	if (!all && (limit[strspn(limit, "0")] == '\0' || strlen(limit) > 18 ||
				 limit[strspn(limit, "0123456789")]))
		message_die(EXIT_USAGE, "Give a number from 1 on, or \"all\".",
					"invalid value for --limit: \"%s\"", limit);
	return (RecordFilter) {since, until, change, role, among, all ? NULL : limit};
}

/* The filters hold no other value that could be malformed. */
static bool
is_no_time(const PGresult *fault)
{
	const char *sqlstate = PQresultErrorField(fault, PG_DIAG_SQLSTATE);

	return sqlstate && (strcmp(sqlstate, "22007") == 0 || strcmp(sqlstate, "22008") == 0);
}

DBM_NORETURN static void
die_of(const Connection *connection, const PGresult *fault)
{
	ExitCode code = message_server_error(fault);

	if (connection_is_lost(connection))
		code = EXIT_INTERRUPTED;
	if (is_no_time(fault))
	{
		message_hint("Write times as in --since 2026-11-22, yesterday, or '2026-11-22 10:00+01'.");
		code = EXIT_USAGE;
	}
	if (code == EXIT_PERMISSION)
		message_hint("Ask for the capability: SELECT %s.dbm_grant('audit', '%s');",
					 connection->schema, PQuser(connection->pg));
	exit(code);
}

/* The next result, which is a row or, at the end, all that is left; NULL behind it. */
static PGresult *
next_part(Connection *connection, bool first)
{
	PGresult *part = PQgetResult(connection->pg);

	/* nothing could be sent: the connection knows why */
	if (part == NULL && first)
		part = PQmakeEmptyPGresult(connection->pg, PGRES_FATAL_ERROR);
	if (part && PQresultStatus(part) != PGRES_SINGLE_TUPLE && !connection_succeeded(part))
		die_of(connection, part);
	return part;
}

void
record_print(Connection *connection)
{
	bool first = true;
	PGresult *part;

	if (print_takes_parts())
		(void) PQsetSingleRowMode(connection->pg);
	while ((part = next_part(connection, first)) != NULL)
	{
		bool last = PQresultStatus(part) == PGRES_TUPLES_OK;

		if (first && last && PQntuples(part) == 0 && print_is_for_people())
			message_info("nothing of that is on record");
		else
			print_part(part, NULL, first, last);
		PQclear(part);
		first = false;
		if (print_has_failed())
		{
			connection_cancel(connection);
			return;
		}
	}
}
