/*
 * cli/options.h: options, described once for parsing, help, completion and manual
 */
#ifndef DBM_CLI_OPTIONS_H
#define DBM_CLI_OPTIONS_H

typedef enum OptionKind
{
	OPTION_END = 0,
	OPTION_FLAG,				/* bool *: true when given */
	OPTION_TEXT,				/* char **: the argument */
	OPTION_CHOICE,				/* char **: the argument, one of choices */
	OPTION_WORDS,				/* char **: some of choices, separated by commas */
	OPTION_LIST,				/* OptionList *: every argument, in order */
	OPTION_GROUP,				/* const Option *: further options, shared by several commands */
} OptionKind;

/* Arguments of an option that may be given several times. */
typedef struct OptionList
{
	char **items;
	int count;
} OptionList;

/* One option.  A table of them ends with one of kind OPTION_END. */
typedef struct Option
{
	OptionKind kind;
	char letter;				/* 0: the long name only */
	const char *name;
	void *value;				/* where what was given goes, by kind; initially the default */
	const char *argument;		/* its word in the help, or NULL for a flag */
	const char *help;
	const char *const *choices; /* for CHOICE and WORDS, ends with NULL */
	const char *variable;		/* environment variable that gives it too, or NULL */
} Option;

struct Command;

/* Options that every command takes, and their values. */
extern const Option common_options[];
extern bool option_help;
extern bool option_echo;
extern char *option_config;
extern OptionList option_set;

/* Reads the common options before the command; returns the place of the first other word. */
extern int options_parse_leading(int argc, char **argv);

/*
 * Reads the options of a command; returns the arguments that are none, in
 * order, and their number.  Ends the program for what it does not know.
 */
extern char **options_parse(const struct Command *command, int argc, char **argv, int *count);

/* What an option does, with the words that it takes. */
extern char *options_describe(const Option *option);

/* Calls the function for each option of a table and of the groups in it. */
extern void options_each(const Option *options, void (*act)(const Option *, void *), void *context);

#endif							/* DBM_CLI_OPTIONS_H */
