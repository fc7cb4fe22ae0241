/*
 * cli/unfinished.h: changes of which some steps are done
 */
#ifndef DBM_CLI_UNFINISHED_H
#define DBM_CLI_UNFINISHED_H

#include "connection.h"

/* One of them, as the server tells of it. */
typedef struct Unfinished
{
	const char *change;
	bool rollback;				/* it is on its way back */
	bool running;
	bool wants_word;			/* of a person, about the statement that it stands at */
	const char *place;			/* partial at step 2 of 3, statement 2 at line 2 */
	const char *evidence;		/* a sentence, or NULL */
} Unfinished;

/* All of them, or the one of this name, as rows; ends the program if the server refuses. */
extern PGresult *unfinished_fetch(Connection *connection, const char *change);

/* Of a row, as long as that is there. */
extern Unfinished unfinished_of(const PGresult *rows, int row);

/* What it is, without a full stop. */
extern char *unfinished_describe(const Unfinished *unfinished, const char *environment);

/* The commands that go on and back, as sentences. */
extern char *unfinished_advise(const Unfinished *unfinished, const char *environment);

/* Tells people of it, in lines of their own. */
extern void unfinished_tell(const Unfinished *unfinished, const char *environment);

/* Each of the rows is an error, with the right command; returns the exit code, EXIT_DONE for none. */
extern ExitCode unfinished_refuse(const PGresult *rows, const char *environment);

/* What to do after an error that is about steps of a change; false if it is not. */
extern bool unfinished_hint(Connection *connection, const PGresult *error, const char *change);

#endif							/* DBM_CLI_UNFINISHED_H */
