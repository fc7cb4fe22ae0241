/*
 * cli/schema_diff.c: two schemas, object by object
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "message.h"
#include "schema_diff.h"
#include "table.h"

/* How many of what a dump does not show are told one by one. */
#define TOLD 10

enum
{
	KIND,
	IDENTITY,
	HASH,
	EXTRA
};

/* Rows on their way through, in order of kind and identity; of one side those that count. */
typedef struct Side
{
	const PGresult *rows;
	int at;
	bool extras;
} Side;

static void
skip_others(Side *side)
{
	while (side->at < PQntuples(side->rows) &&
		   (PQgetvalue(side->rows, side->at, EXTRA)[0] == 't') != side->extras)
		side->at++;
}

static bool
is_at_end(const Side *side)
{
	return side->at >= PQntuples(side->rows);
}

static const char *
value(const Side *side, int column)
{
	return PQgetvalue(side->rows, side->at, column);
}

/* Which comes first; one that has ended comes last. */
static int
compare_sides(const Side *left, const Side *right)
{
	int order;

	if (is_at_end(left) || is_at_end(right))
		return is_at_end(left) - is_at_end(right);
	order = strcmp(value(left, KIND), value(right, KIND));
	return order ? order : strcmp(value(left, IDENTITY), value(right, IDENTITY));
}

static void
add(PGresult *table, const Side *side, const char *difference)
{
	table_add(table, value(side, KIND), value(side, IDENTITY), difference);
}

PGresult *
schema_diff(const PGresult *live, const PGresult *built, const char *name, bool extras)
{
	static const TableColumn columns[] = {
		{"kind", TEXTOID}, {"identity", TEXTOID}, {"difference", TEXTOID}, {NULL, 0}};
	PGresult *table = table_make(columns);
	char *only_live = psprintf("only in %s", name);
	Side left = {live, 0, extras};
	Side right = {built, 0, extras};

	for (;;)
	{
		int order;

		skip_others(&left);
		skip_others(&right);
		if (is_at_end(&left) && is_at_end(&right))
			break;
		order = compare_sides(&left, &right);
		if (order < 0)
			add(table, &left, only_live);
		else if (order > 0)
			add(table, &right, "only in the script");
		else if (strcmp(value(&left, HASH), value(&right, HASH)) != 0)
			add(table, &left, "differs");
		left.at += order <= 0;
		right.at += order >= 0;
	}
	pg_free(only_live);
	return table;
}

void
schema_diff_note_extras(const PGresult *live, const PGresult *built)
{
	PGresult *table = schema_diff(live, built, "the environment", true);
	int count = PQntuples(table);

	for (int row = 0; row < Min(count, TOLD); row++)
		message_warning("no script can say: %s %s %s", PQgetvalue(table, row, 0),
						PQgetvalue(table, row, 1), PQgetvalue(table, row, 2));
	if (count > TOLD)
		message_warning("and %d more of what no script can say", count - TOLD);
	PQclear(table);
}
