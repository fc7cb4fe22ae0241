/*
 * cli/changes.h: the changes of a repository, in the order in which they are deployed
 */
#ifndef DBM_CLI_CHANGES_H
#define DBM_CLI_CHANGES_H

#include "finding.h"
#include "repository.h"

typedef struct Change
{
	char *name;
	bool repeatable;
	SourceFile script;
	SourceFile rollback;		/* without a path if there is none */
	int position;				/* in sqitch.plan, where the order is that; -1: not in it */
} Change;

typedef struct Changes
{
	const Config *config;
	Repository *repository;
	Change *items;
	int count;
	Change **by_name;			/* for changes_find; NULL until it is called */
	Findings findings;			/* what is wrong with the files */
} Changes;

/* Reads names only, not the content of files. */
extern Changes *changes_read(const Config *config, Repository *repository);

/* The same, ending the program with all errors among the findings. */
extern Changes *changes_read_sound(const Config *config, Repository *repository);

/* The change of that name, or NULL. */
extern const Change *changes_find(Changes *changes, const char *name);

#endif							/* DBM_CLI_CHANGES_H */
