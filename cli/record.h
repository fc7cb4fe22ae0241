/*
 * cli/record.h: looking into the record of an environment, as audit and history do it
 */
#ifndef DBM_CLI_RECORD_H
#define DBM_CLI_RECORD_H

#include "options.h"
#include "queries.h"

/* The options --since, --until, --change, --role and --limit, for the tables of commands. */
extern const Option record_options[];

/* What they ask for, and those kinds or outcomes (NULL: all). */
extern RecordFilter record_filter(const char *among);

/* Prints the rows that were sent for, as they come; ends the program if there was an error. */
extern void record_print(Connection *connection);

#endif							/* DBM_CLI_RECORD_H */
