/*
 * cli/skeleton.h: the files that a new repository begins with
 */
#ifndef DBM_CLI_SKELETON_H
#define DBM_CLI_SKELETON_H

#include "libpq-fe.h"

/* Texts that the Makefile takes from the files of skeleton/ and doc/; ends with one without a name. */
typedef struct SkeletonText
{
	const char *name;
	const char *text;
} SkeletonText;

extern const SkeletonText skeleton_texts[];

/*
 * Writes them here, in a naming style (NULL: ours), and adds a row for each to
 * a table of two columns: its path, and what was done.  What is there already
 * is left alone.
 */
extern void skeleton_write(const char *style, PGresult *table);

#endif							/* DBM_CLI_SKELETON_H */
