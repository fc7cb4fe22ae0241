/*
 * cli/resume_change.h: going on with one change, as resume does it if one is named
 */
#ifndef DBM_CLI_RESUME_CHANGE_H
#define DBM_CLI_RESUME_CHANGE_H

#include "connection.h"
#include "options.h"

/* The options --interrupted, --reason and --yes, for the table of the command. */
extern const Option resume_change_options[];

/* Ends the program if they were given though no change was named. */
extern void resume_change_refuse_options(void);

/*
 * Runs what is left of a change of which some steps are done, deploying it or
 * rolling it back, whichever was begun.
 */
extern ExitCode resume_change(Connection *connection, const char *change);

#endif							/* DBM_CLI_RESUME_CHANGE_H */
