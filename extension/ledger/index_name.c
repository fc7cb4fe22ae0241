/*
 * ledger/index_name.c: the name that the server would give to an index
 *
 * As ChooseIndexName and its helpers in commands/indexcmds.c, which are not for
 * others to call, and which know nothing of names that are about to be taken.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "parser/parse_target.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "ledger/index_name.h"
#include "ledger/index_shape.h"
#include "ledger/index_state.h"

static bool
has_string(const List *strings, const char *string)
{
	ListCell *cell;

	foreach (cell, strings)
	{
		if (strcmp(lfirst(cell), string) == 0)
			return true;
	}
	return false;
}

/* The name of a column of the index, with a number if another one has it. */
static char *
choose_column(const char *original, const List *others)
{
	char *name = pstrdup(original);

	for (int number = 1; has_string(others, name); number++)
	{
		char *digits = psprintf("%d", number);
		int length = pg_mbcliplen(original, strlen(original), NAMEDATALEN - 1 - strlen(digits));

		name = psprintf("%.*s%s", length, original, digits);
	}
	return name;
}

/* The middle of the name: the columns of the index, as long as they fit. */
static char *
join_columns(const IndexStmt *statement)
{
	StringInfoData joined;
	List *columns = NIL;
	ListCell *cell;

	initStringInfo(&joined);
	foreach (cell, list_concat_copy(statement->indexParams, statement->indexIncludingParams))
	{
		const IndexElem *element = lfirst_node(IndexElem, cell);
		const char *name = element->name;
		char *column;

		if (name == NULL)
			name = FigureIndexColname(element->expr);
		column = choose_column(name ? name : "expr", columns);
		columns = lappend(columns, column);
		if (joined.len >= NAMEDATALEN)
			break;
		appendStringInfo(&joined, "%s%s", joined.len > 0 ? "_" : "", column);
	}
	return joined.data;
}

/* The n-th name that the server would try, from 0. */
static char *
make_name(Oid table, const char *columns, int number)
{
	char *table_name = get_rel_name(table);
	char *label = number == 0 ? pstrdup("idx") : psprintf("idx%d", number);

	return makeObjectName(table_name ? table_name : "", columns, label);
}

char *
dbm_index_name_text(Oid table, const char *name)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)), name);
}

char *
dbm_index_name_free(Oid table, const IndexStmt *statement, const List *taken)
{
	char *columns = join_columns(statement);

	for (int number = 0;; number++)
	{
		char *name = make_name(table, columns, number);

		if (!OidIsValid(get_relname_relid(name, get_rel_namespace(table))) &&
			!has_string(taken, dbm_index_name_text(table, name)))
			return name;
	}
}

Oid
dbm_index_name_look(Oid table, const IndexStmt *statement, const char *text)
{
	char *columns = join_columns(statement);
	Oid valid = InvalidOid;

	for (int number = 0;; number++)
	{
		Oid index = get_relname_relid(make_name(table, columns, number), get_rel_namespace(table));
		DbmIndexState state;
		const char *difference;

		if (!OidIsValid(index))
			return valid;
		if (!dbm_index_state(index, &state) || state.table != table ||
			dbm_index_shape_match(table, statement, text, index, &difference) != DBM_INDEX_SAME)
			continue;
		if (!state.valid)
			return index;
		valid = index;
	}
}
