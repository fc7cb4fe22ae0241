/*
 * cli/help.h: help, from the tables of commands, options and keys
 */
#ifndef DBM_CLI_HELP_H
#define DBM_CLI_HELP_H

#include "commands.h"

extern void help_overview(FILE *stream);
extern void help_command(const Command *command);

/* Topics besides the commands; ends with NULL. */
extern const char *const help_topics[];

#endif							/* DBM_CLI_HELP_H */
