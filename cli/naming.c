/*
 * cli/naming.c: how files of a repository become changes
 */
#include "postgres_fe.h"

#include "naming.h"

static const NamingStyle styles[] = {
	{
		.name = "dbmaestro",
		.summary = "20261122_101500_create_orders.sql with .rollback.sql beside it",
		.migrations = "migrations",
		.repeatables = "repeatable",
		.script = "*.sql",
		.rollback = "*.rollback.sql",
		.repeatable = "*.sql",
		.order = "name",
		.pattern = "^[0-9]{8}_[0-9]{6}_[a-z0-9_]+$",
		.fresh = "%Y%m%d_%H%M%S_",
	},
	{
		.name = "plain",
		.summary = "001_create_orders.sql, rollbacks as in dbmaestro",
		.migrations = "migrations",
		.script = "*.sql",
		.rollback = "*.rollback.sql",
		.repeatable = "*.sql",
		.order = "number",
		.fresh = "#",
	},
	{
		.name = "flyway",
		.summary = "V1__create_orders.sql, U1__create_orders.sql, R__totals.sql",
		.migrations = "sql",
		.repeatables = "sql",
		.script = "V*.sql",
		.rollback = "U*.sql",
		.repeatable = "R__*.sql",
		.order = "number",
		.fresh = "#",
	},
	{
		.name = "golang-migrate",
		.summary = "000001_create_orders.up.sql and .down.sql",
		.migrations = "migrations",
		.script = "*.up.sql",
		.rollback = "*.down.sql",
		.repeatable = "*.sql",
		.order = "number",
		.fresh = "#",
	},
	{
		.name = "diesel",
		.summary = "2026-11-22-101500_create_orders/up.sql and down.sql",
		.migrations = "migrations",
		.script = "*/up.sql",
		.rollback = "*/down.sql",
		.repeatable = "*.sql",
		.order = "date",
		.fresh = "%Y-%m-%d-%H%M%S_",
	},
	{
		.name = "sqitch",
		.summary =
			"deploy/create_orders.sql and revert/create_orders.sql, in the order of sqitch.plan",
		.migrations = "deploy",
		.rollbacks = "revert",
		.script = "**.sql",
		.rollback = "**.sql",
		.repeatable = "*.sql",
		.order = "plan",
	},
};

const NamingStyle *
naming_style(const char *name)
{
	for (int at = 0; at < lengthof(styles); at++)
	{
		if (name == NULL || strcmp(styles[at].name, name) == 0)
			return &styles[at];
	}
	return NULL;
}

char *
naming_list_styles(void)
{
	char *list = pg_strdup(styles[0].name);

	for (int at = 1; at < lengthof(styles); at++)
		list = psprintf("%s, %s", list, styles[at].name);
	return list;
}

/* Takes a pattern apart: what stands before and behind the star. */
static bool
split_pattern(const char *pattern, int *prefix, const char **suffix, bool *deep)
{
	const char *star = strchr(pattern, '*');

	if (star == NULL)
		return false;
	*prefix = star - pattern;
	*deep = star[1] == '*';
	*suffix = star + (*deep ? 2 : 1);
	return true;
}

bool
naming_is_pattern(const char *pattern)
{
	int prefix;
	const char *suffix;
	bool deep;

	return split_pattern(pattern, &prefix, &suffix, &deep) && strchr(suffix, '*') == NULL &&
		   pattern[0] != '/' && strstr(pattern, "..") == NULL;
}

int
naming_depth(const char *pattern)
{
	int depth = 0;

	if (strstr(pattern, "**"))
		return -1;
	for (const char *at = pattern; *at; at++)
		depth += *at == '/';
	return depth;
}

char *
naming_match(const char *pattern, const char *path)
{
	int prefix;
	const char *suffix;
	bool deep;
	int length = strlen(path);
	char *name;

	if (!split_pattern(pattern, &prefix, &suffix, &deep))
		return NULL;
	length -= prefix + (int) strlen(suffix);
	if (length <= 0 || strncmp(path, pattern, prefix) != 0 ||
		strcmp(path + prefix + length, suffix) != 0)
		return NULL;
	name = pnstrdup(path + prefix, length);
	if (!deep && strchr(name, '/'))
	{
		pg_free(name);
		return NULL;
	}
	return name;
}

char *
naming_expand(const char *pattern, const char *change)
{
	int prefix;
	const char *suffix;
	bool deep;

	if (!split_pattern(pattern, &prefix, &suffix, &deep))
		return pg_strdup(pattern);
	return psprintf("%.*s%s%s", prefix, pattern, change, suffix);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes the next number of a version off the text; false where it has ended. */
static bool
take_number(const char **text, const char **digits, int *length)
{
	const char *at = *text;

	if (!is_digit(*at))
		return false;
	while (*at == '0' && is_digit(at[1]))
		at++;
	*digits = at;
	while (is_digit(*at))
		at++;
	*length = at - *digits;
	if ((*at == '.' || *at == '_') && is_digit(at[1]))
		at++;
	*text = at;
	return true;
}

int
naming_compare_numbers(const char *left, const char *right)
{
	const char *left_rest = left;
	const char *right_rest = right;

	for (;;)
	{
		const char *left_digits;
		const char *right_digits;
		int left_length;
		int right_length;
		bool left_goes_on = take_number(&left_rest, &left_digits, &left_length);
		bool right_goes_on = take_number(&right_rest, &right_digits, &right_length);
		int difference;

		if (!left_goes_on || !right_goes_on)
		{
			if (left_goes_on != right_goes_on)
				return left_goes_on ? 1 : -1;
			return strcmp(left, right);
		}
		if (left_length != right_length)
			return left_length - right_length;
		difference = memcmp(left_digits, right_digits, left_length);
		if (difference)
			return difference;
	}
}

/* The next byte of a date: dashes are for people; '\0' where it has ended. */
static char
take_date_byte(const char **text)
{
	while (**text == '-')
		(*text)++;
	return **text == '_' || **text == '\0' ? '\0' : *(*text)++;
}

int
naming_compare_dates(const char *left, const char *right)
{
	const char *left_rest = left;
	const char *right_rest = right;

	for (;;)
	{
		char one = take_date_byte(&left_rest);
		char other = take_date_byte(&right_rest);

		if (one != other)
			return (unsigned char) one - (unsigned char) other;
		if (one == '\0')
			return strcmp(left, right);
	}
}
