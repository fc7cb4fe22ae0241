/*
 * cli/manifest.h: what a repository holds, as the server wants to know it
 */
#ifndef DBM_CLI_MANIFEST_H
#define DBM_CLI_MANIFEST_H

#include "changes.h"

/* SHA-256 of so many bytes in hex, in new memory. */
extern char *manifest_hash(const char *content, size_t length);

/* Names the whole content without reading a script; NULL in a work tree. */
extern char *manifest_fingerprint(const Config *config, Repository *repository);

/*
 * The array of changes, each with its hash; one whose script is the same in
 * known (NULL: in none), by its name alone.  Reads the scripts of the others.
 */
extern json_t *manifest_changes(Changes *changes, Changes *known);

/*
 * Puts the script of a change into its element of an array, which is a copy of
 * manifest_changes whose elements stay as they are.  Returns false for a script
 * that JSON cannot hold: one that is not UTF-8, or has a zero byte.
 */
extern bool manifest_add_script(json_t *array, Changes *changes, const Change *change);

/*
 * The manifest for this environment as text: fingerprint, last_run (the number
 * that a plan gave) and changes, each unless NULL.  Without a fingerprint it is
 * the bare array of changes.
 */
extern char *manifest_text(const char *environment, const char *fingerprint, const char *last_run,
						   json_t *changes);

#endif							/* DBM_CLI_MANIFEST_H */
