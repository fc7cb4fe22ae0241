/*
 * cli/repository.h: the files of a commit, or of the work tree
 */
#ifndef DBM_CLI_REPOSITORY_H
#define DBM_CLI_REPOSITORY_H

#include <git2/oid.h>
#include <jansson.h>

#include "config.h"
#include "options.h"

typedef struct Repository Repository;

typedef enum EntryKind
{
	ENTRY_FILE,
	ENTRY_SYMLINK,
	ENTRY_SUBMODULE,
	ENTRY_FOLDER,				/* one that was not entered: it is too deep */
} EntryKind;

/* A file; path is relative to the configuration.  Without a commit, id means nothing. */
typedef struct SourceFile
{
	char *path;
	git_oid id;
} SourceFile;

typedef void (*EntryVisitor)(void *context, EntryKind kind, const char *path, const git_oid *id);

/* The options --ref and --worktree, for the tables of commands. */
extern const Option repository_options[];

/* Is there anything to open: a Git repository with a commit, or the work tree? */
extern bool repository_is_there(const Config *config);

/* Opens what the options name: a commit, HEAD by default, or the work tree. */
extern Repository *repository_open(const Config *config);

/*
 * Opens the newest of the commits before this one of which the function says
 * so, looking at no more than so many; NULL if there is none in this clone, or
 * in a work tree.
 */
extern Repository *repository_open_earlier(Repository *repository, int commits,
										   bool (*wanted)(Repository *earlier, void *context),
										   void *context);
extern void repository_close(Repository *repository);

/* Do the options name the work tree? */
extern bool repository_is_worktree(void);

/* Opens the Git repository that the configuration is in, for commit.c. */
extern struct git_repository *repository_open_git(const Config *config);

/* Opens that commit, whatever the options say. */
extern Repository *repository_open_at(const Config *config, const char *wanted);

/* Opens the work tree, whatever the options say. */
extern Repository *repository_open_worktree(const Config *config);

/* Ends the program if the path, or what is above it, is a symbolic link or a submodule. */
extern void repository_require_own(const Repository *repository, const char *path);

/*
 * Visits what is in a folder, its path relative to it, entering folders to
 * the given depth (-1: all).  Returns false if there is no such folder.
 */
extern bool repository_walk(Repository *repository, const char *folder, int depth,
							EntryVisitor visit, void *context);

/* Finds one file; false if there is none. */
extern bool repository_find(Repository *repository, const char *path, SourceFile *file);

/* The bytes of a file, in new memory, with a zero behind them that does not count. */
extern char *repository_read(Repository *repository, const SourceFile *file, size_t *length);

/* Names the content of a folder ("" if there is none); NULL in a work tree. */
extern char *repository_folder_id(Repository *repository, const char *folder);

/* What is deployed, for people: commit 4f2a1b7, the work tree. */
extern const char *repository_describe(const Repository *repository);

/* What the server is told of the commit: commit, author, committed_at, ref. */
extern json_t *repository_claims(const Repository *repository);

#endif							/* DBM_CLI_REPOSITORY_H */
