/*
 * cli/manual.h: the manual page, from the tables of commands, options and keys
 */
#ifndef DBM_CLI_MANUAL_H
#define DBM_CLI_MANUAL_H

/* Prints dbmaestro(1) for man. */
extern void manual_print(void);

#endif							/* DBM_CLI_MANUAL_H */
