/*
 * cli/unfinished.c: changes of which some steps are done
 *
 * Which way such a change goes, and what is known of it, the server says; here
 * is which command is right then.
 */
#include "postgres_fe.h"

#include "message.h"
#include "queries.h"
#include "unfinished.h"

PGresult *
unfinished_fetch(Connection *connection, const char *change)
{
	return connection_expect(connection, queries_unfinished(connection, change));
}

Unfinished
unfinished_of(const PGresult *rows, int row)
{
	return (Unfinished) {
		.change = PQgetvalue(rows, row, 0),
		.rollback = strcmp(PQgetvalue(rows, row, 1), "rollback") == 0,
		.running = strcmp(PQgetvalue(rows, row, 2), "running") == 0,
		.place = PQgetvalue(rows, row, 3),
		.evidence = PQgetisnull(rows, row, 4) ? NULL : PQgetvalue(rows, row, 4),
		.wants_word = PQgetvalue(rows, row, 5)[0] == 't',
	};
}

char *
unfinished_describe(const Unfinished *unfinished, const char *environment)
{
	/* of a rollback the place begins with the name of the script */
	return psprintf("change \"%s\" in \"%s\"%s %s", unfinished->change, environment,
					unfinished->rollback ? ":" : " is", unfinished->place);
}

char *
unfinished_advise(const Unfinished *unfinished, const char *environment)
{
	const char *change = unfinished->change;
	const char *word = unfinished->wants_word
						   ? ", with --interrupted done or --interrupted again as you find it"
						   : "";

	if (unfinished->running)
		return psprintf("Wait for its end: dbmaestro status %s", environment);
	if (unfinished->rollback)
		return psprintf("Run \"dbmaestro resume %s %s\" to go on with its rollback%s, or, with a "
						"corrected rollback script in the commit, \"dbmaestro rollback %s %s\".",
						environment, change, word, environment, change);
	return psprintf("Run \"dbmaestro resume %s %s\" to go on%s, or \"dbmaestro rollback %s %s\" to "
					"go back.",
					environment, change, word, environment, change);
}

void
unfinished_tell(const Unfinished *unfinished, const char *environment)
{
	message_info("%s", unfinished_describe(unfinished, environment));
	if (unfinished->evidence)
		message_info("  %s", unfinished->evidence);
	if (!unfinished->running)
		message_info("  %s", unfinished_advise(unfinished, environment));
}

ExitCode
unfinished_refuse(const PGresult *rows, const char *environment)
{
	ExitCode code = EXIT_DONE;

	for (int row = 0; row < PQntuples(rows); row++)
	{
		Unfinished unfinished = unfinished_of(rows, row);

		message_error("%s", unfinished_describe(&unfinished, environment));
		if (unfinished.evidence)
			message_detail("%s", unfinished.evidence);
		message_hint("%s", unfinished_advise(&unfinished, environment));
		if (code == EXIT_DONE)
			code = unfinished.running ? EXIT_BUSY : EXIT_INTERRUPTED;
	}
	return code;
}

/* The server, if it can still be asked, knows which way the change goes. */
static char *
choose_hint(const PGresult *rows, const char *sqlstate, const char *environment, const char *change)
{
	Unfinished unfinished = {.change = change, .wants_word = sqlstate_is_of_step(sqlstate)};

	if (connection_succeeded(rows) && PQntuples(rows) > 0)
		unfinished = unfinished_of(rows, 0);
	if (sqlstate_is_of_step(sqlstate) || unfinished.rollback || unfinished.running)
		return unfinished_advise(&unfinished, environment);
	return psprintf("Run \"dbmaestro rollback %s %s\" to take back what is done of it and deploy "
					"again, or \"dbmaestro resume %s %s\" to go on with what was begun.",
					environment, change, environment, change);
}

bool
unfinished_hint(Connection *connection, const PGresult *error, const char *change)
{
	const char *sqlstate = error ? PQresultErrorField(error, PG_DIAG_SQLSTATE) : NULL;
	PGresult *rows;

	if (!sqlstate_is_partial(sqlstate) && !sqlstate_is_of_step(sqlstate))
		return false;
	rows = queries_unfinished(connection, change);
	message_hint("%s", choose_hint(rows, sqlstate, connection->environment->name, change));
	PQclear(rows);
	return true;
}
