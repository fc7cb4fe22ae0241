/*
 * cli/commit.h: a commit that brings one file, and a tag on it
 */
#ifndef DBM_CLI_COMMIT_H
#define DBM_CLI_COMMIT_H

#include <jansson.h>

#include "config.h"

typedef struct Commit Commit;

/* Is there a commit yet in the repository that the configuration is in? */
extern bool commit_has_head(const Config *config);

/*
 * Gets ready to commit onto HEAD and to set this tag.  Ends the program where
 * that could not be done later: no Git repository, a merge under way, something
 * staged, nobody to sign, a tag of that name.
 */
extern Commit *commit_prepare(const Config *config, const char *tag);

/*
 * Makes the commit: HEAD, and the file at path, relative to the configuration,
 * with exactly these bytes.  Nothing shows it yet.  Returns its name.
 */
extern char *commit_make(Commit *commit, const char *path, const char *content, size_t length,
						 const char *message);

/* What the server is told of it: commit, author, committed_at, ref. */
extern json_t *commit_claims(const Commit *commit);

/* Moves HEAD and the index to it and sets the tag; false if that failed, which has been said. */
extern bool commit_publish(Commit *commit, const char *message);

#endif							/* DBM_CLI_COMMIT_H */
