/*
 * cli/completion.h: what completes the words of a command line, for every shell
 */
#ifndef DBM_CLI_COMPLETION_H
#define DBM_CLI_COMPLETION_H

#include "options.h"

typedef enum CompletionSource
{
	COMPLETE_NOTHING,
	COMPLETE_WORDS,
	COMPLETE_TOPICS,			/* of help; this and the next only in the table of sources */
	COMPLETE_STYLES,
	COMPLETE_ENVIRONMENTS,
	COMPLETE_CHANGES,
	COMPLETE_FILES,
	COMPLETE_FOLDERS,
} CompletionSource;

/* What completes this word of a synopsis; sets words for COMPLETE_WORDS. */
extern CompletionSource completion_source(const char *word, int length, char **words);

/* The same for the argument of an option. */
extern CompletionSource completion_source_of(const Option *option, char **words);

/* One argument of a synopsis, without its brackets and dots. */
typedef struct CompletionArgument
{
	const char *word;
	int length;
	bool optional;
	bool repeated;
} CompletionArgument;

/* Takes the next one off a synopsis; false at its end. */
extern bool completion_next_argument(const char **synopsis, CompletionArgument *argument);

/* Names of all commands, and any list of words, with blanks between them. */
extern char *completion_commands(void);
extern char *completion_join(const char *const *words);

/* The scripts. */
extern void completion_print_bash(void);
extern void completion_print_zsh(void);

#endif							/* DBM_CLI_COMPLETION_H */
