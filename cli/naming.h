/*
 * cli/naming.h: how files of a repository become changes
 *
 * A pattern is a path with one "*", which stands for the name of the change
 * ("*.up.sql"), or "**", whose name may hold slashes too.
 */
#ifndef DBM_CLI_NAMING_H
#define DBM_CLI_NAMING_H

struct Config;

/* A convention, with everything that the keys of [paths] and [naming] can override. */
typedef struct NamingStyle
{
	const char *name;
	const char *summary;
	const char *migrations;
	const char *rollbacks;
	const char *repeatables;	/* folder, or NULL if the convention has none */
	const char *script;
	const char *rollback;		/* pattern, or NULL */
	const char *repeatable;
	const char *order;			/* name, number, date or plan */
	const char *pattern;		/* regular expression (POSIX extended) for names, or NULL */
	const char *fresh;			/* prefix of a new one, as for strftime; # is the next number */
} NamingStyle;

/* The style of that name, or NULL; with NULL the first, which is ours. */
extern const NamingStyle *naming_style(const char *name);

/* Names of all styles, for a message. */
extern char *naming_list_styles(void);

extern bool naming_is_pattern(const char *pattern);

/* How many folders deep files are that the pattern can match; -1: any number. */
extern int naming_depth(const char *pattern);

/* What "*" stands for if the path matches the pattern, else NULL. */
extern char *naming_match(const char *pattern, const char *path);

/* The path that the pattern gives this change. */
extern char *naming_expand(const char *pattern, const char *change);

/* Orders names by their leading version: 2 before 10, 1 before 1.1. */
extern int naming_compare_numbers(const char *left, const char *right);

/*
 * Orders names by the date that they begin with, up to the first underscore,
 * written with dashes or without: 2017-08-31-230457 behind 20170102131034.
 */
extern int naming_compare_dates(const char *left, const char *right);

#endif							/* DBM_CLI_NAMING_H */
