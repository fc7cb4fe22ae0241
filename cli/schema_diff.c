/*
 * cli/schema_diff.c: two schemas, object by object
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "message.h"
#include "schema_diff.h"
#include "table.h"

/* How many objects a message names. */
#define TOLD 10

#define DIFFERS "differs"
#define READS_OTHERWISE "reads otherwise"

enum
{
	KIND,
	IDENTITY,
	HASH,
	SHAPE,
	EXTRA
};

/* Rows on their way through, in order of kind and identity. */
typedef struct Side
{
	const PGresult *rows;
	int *order;					/* numbers of the rows that count */
	int count;
	int at;
} Side;

static int
compare_rows(const void *left, const void *right, void *rows)
{
	int first = *(const int *) left;
	int second = *(const int *) right;
	int order = strcmp(PQgetvalue(rows, first, KIND), PQgetvalue(rows, second, KIND));

	return order ? order
				 : strcmp(PQgetvalue(rows, first, IDENTITY), PQgetvalue(rows, second, IDENTITY));
}

/* Sorted here: a server of another encoding has another order of bytes. */
static Side
make_side(const PGresult *rows, bool extras)
{
	Side side = {rows, pg_malloc((PQntuples(rows) + 1) * sizeof(int))};

	for (int row = 0; row < PQntuples(rows); row++)
	{
		if ((PQgetvalue(rows, row, EXTRA)[0] == 't') == extras)
			side.order[side.count++] = row;
	}
	qsort_arg(side.order, side.count, sizeof(int), compare_rows, (void *) rows);
	return side;
}

static bool
is_at_end(const Side *side)
{
	return side->at >= side->count;
}

static const char *
value(const Side *side, int column)
{
	return PQgetvalue(side->rows, side->order[side->at], column);
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

static const char *
judge_pair(const Side *left, const Side *right)
{
	if (strcmp(value(left, HASH), value(right, HASH)) == 0)
		return NULL;
	return strcmp(value(left, SHAPE), value(right, SHAPE)) == 0 ? READS_OTHERWISE : DIFFERS;
}

/* What differs on the two sides; extras: of what no dump shows. */
static PGresult *
compare(const PGresult *live, const PGresult *built, const char *name, bool extras)
{
	static const TableColumn columns[] = {
		{"kind", TEXTOID}, {"identity", TEXTOID}, {"difference", TEXTOID}, {NULL, 0}};
	PGresult *table = table_make(columns);
	char *only_live = psprintf("only in %s", name);
	Side left = make_side(live, extras);
	Side right = make_side(built, extras);

	while (!is_at_end(&left) || !is_at_end(&right))
	{
		int order = compare_sides(&left, &right);

		if (order < 0)
			add(table, &left, only_live);
		else if (order > 0)
			add(table, &right, "only in the script");
		else if (judge_pair(&left, &right))
			add(table, &left, judge_pair(&left, &right));
		left.at += order <= 0;
		right.at += order >= 0;
	}
	pg_free(only_live);
	pg_free(left.order);
	pg_free(right.order);
	return table;
}

PGresult *
schema_diff(const PGresult *live, const PGresult *built, const char *name)
{
	return compare(live, built, name, false);
}

int
schema_diff_count(const PGresult *difference, SchemaDifference sort)
{
	int readings = 0;

	for (int row = 0; row < PQntuples(difference); row++)
		readings += strcmp(PQgetvalue(difference, row, 2), READS_OTHERWISE) == 0;
	return sort == SCHEMA_READS_OTHERWISE ? readings : PQntuples(difference) - readings;
}

static void
warn_of(const PGresult *table, const char *what, bool how)
{
	int count = PQntuples(table);

	for (int row = 0; row < Min(count, TOLD); row++)
		message_warning("%s: %s %s%s", what, PQgetvalue(table, row, 0), PQgetvalue(table, row, 1),
						how ? psprintf(" (%s)", PQgetvalue(table, row, 2)) : "");
	if (count > TOLD)
		message_warning("%s: %d more", what, count - TOLD);
}

void
schema_diff_note_accepted(const PGresult *difference)
{
	warn_of(difference, "a new database will not be the same", true);
}

void
schema_diff_note_readings(const PGresult *difference)
{
	warn_of(difference, "a new database writes this in other words", false);
}

void
schema_diff_note_extras(const PGresult *live, const PGresult *built)
{
	PGresult *table = compare(live, built, "the environment", true);

	warn_of(table, "no script holds this", true);
	PQclear(table);
}
