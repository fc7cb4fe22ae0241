/*
 * cli/ownership.h: a repository that belongs to another user
 */
#ifndef DBM_CLI_OWNERSHIP_H
#define DBM_CLI_OWNERSHIP_H

#include "postgres_fe.h"

/*
 * The work tree that holds the directory, in new memory, if the user who runs
 * this does not own it; else, and where there is none, NULL.
 */
extern char *ownership_foreign(const char *directory);

/* Has the user said, by safe.directory = *, that all repositories may be trusted? */
extern bool ownership_trusts_all(void);

#endif							/* DBM_CLI_OWNERSHIP_H */
