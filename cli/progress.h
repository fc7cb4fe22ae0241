/*
 * cli/progress.h: one line on standard error that says how far we are
 *
 * Nothing is shown unless standard error is a terminal.
 */
#ifndef DBM_CLI_PROGRESS_H
#define DBM_CLI_PROGRESS_H

/* Shows "done/total what", over the line shown before. */
extern void progress_show(int done, int total, const char *what);

/* Takes the line away, so that something else can be written. */
extern void progress_clear(void);

#endif							/* DBM_CLI_PROGRESS_H */
