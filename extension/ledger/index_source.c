/*
 * ledger/index_source.c: CREATE INDEX written anew for another relation
 *
 * Only the head of the statement is written; columns, options and condition
 * are the author's own text, cut at the positions that the parser and the
 * scanner give.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "ledger/index_source.h"
#include "ledger/relation_name.h"
#include "script/token.h"

/* A token and the one behind it: a name may end in UESCAPE '!'. */
typedef struct Reader
{
	DbmTokenStream stream;
	DbmToken token;
	Size end; /* of the token that was taken last */
} Reader;

static void
begin_reading(Reader *reader, const char *text, Size from)
{
	dbm_token_begin(&reader->stream, text, strlen(text));
	dbm_token_seek(&reader->stream, from);
	(void) dbm_token_next(&reader->stream, &reader->token);
	reader->end = from;
}

static void
take_token(Reader *reader)
{
	reader->end = reader->token.end;
	(void) dbm_token_next(&reader->stream, &reader->token);
}

static void
take_name(Reader *reader)
{
	bool escaped = reader->token.code == DBM_TOKEN_UIDENT;

	take_token(reader);
	if (escaped && reader->token.code == DBM_KEYWORD_UESCAPE)
	{
		take_token(reader);
		take_token(reader);
	}
}

/* ---- where the table ends ---- */

/* Is the name in parentheses: ON ONLY (t)? */
static bool
opens_before(const char *text, Size location)
{
	Reader reader;
	int last = 0;

	begin_reading(&reader, text, 0);
	while (reader.token.code != 0 && reader.token.start < location)
	{
		last = reader.token.code;
		take_token(&reader);
	}
	dbm_token_end(&reader.stream);
	return last == '(';
}

/* Behind relation_expr: name, name *, ONLY name or ONLY (name). */
static Size
find_end_of_table(const char *text, const RangeVar *relation)
{
	bool parenthesis = opens_before(text, relation->location);
	int dots = (relation->catalogname ? 1 : 0) + (relation->schemaname ? 1 : 0);
	Reader reader;
	Size end;

	begin_reading(&reader, text, relation->location);
	take_name(&reader);
	for (; dots > 0; dots--)
	{
		take_token(&reader);
		take_name(&reader);
	}
	if (parenthesis || reader.token.code == '*')
		take_token(&reader);
	end = reader.end;
	dbm_token_end(&reader.stream);
	return end;
}

/* ---- the table's own name before its columns ---- */

typedef struct OwnNames
{
	const char *relation;
	Oid table;
	List *references; /* of ColumnRef * */
} OwnNames;

static bool
find_own_names(Node *node, OwnNames *names)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		const List *fields = ((ColumnRef *) node)->fields;
		int count = list_length(fields);

		/* table.*, or a function of the whole row, is not a column */
		if (count > 1 && IsA(llast(fields), String) &&
			strcmp(strVal(list_nth(fields, count - 2)), names->relation) == 0 &&
			get_attnum(names->table, strVal(llast(fields))) != InvalidAttrNumber)
			names->references = lappend(names->references, node);
		return false;
	}
	return raw_expression_tree_walker(node, find_own_names, names);
}

static int
compare_locations(const ListCell *left, const ListCell *right)
{
	return ((const ColumnRef *) lfirst(left))->location -
		   ((const ColumnRef *) lfirst(right))->location;
}

static List *
list_own_names(const IndexStmt *statement, Oid table)
{
	OwnNames names = {.relation = statement->relation->relname, .table = table};
	ListCell *cell;

	foreach (cell, statement->indexParams)
		(void) find_own_names(lfirst_node(IndexElem, cell)->expr, &names);
	(void) find_own_names(statement->whereClause, &names);
	list_sort(names.references, compare_locations);
	return names.references;
}

/* Where the column itself begins in schema.table.column. */
static Size
find_column(const char *text, const ColumnRef *reference)
{
	Reader reader;
	Size start;

	begin_reading(&reader, text, reference->location);
	for (int dots = list_length(reference->fields) - 1; dots > 0; dots--)
	{
		take_name(&reader);
		take_token(&reader);
	}
	start = reader.token.start;
	dbm_token_end(&reader.stream);
	return start;
}

char *
dbm_index_source_rest(const RawStmt *statement, const char *text, Oid table)
{
	const IndexStmt *index = castNode(IndexStmt, statement->stmt);
	char *own = statement->stmt_len > 0
					? pnstrdup(text, statement->stmt_location + statement->stmt_len)
					: pstrdup(text);
	Size from = find_end_of_table(own, index->relation);
	StringInfoData rest;
	ListCell *cell;

	initStringInfo(&rest);
	foreach (cell, list_own_names(index, table))
	{
		const ColumnRef *reference = lfirst(cell);

		appendBinaryStringInfo(&rest, own + from, reference->location - from);
		from = find_column(own, reference);
	}
	appendStringInfoString(&rest, own + from);
	pfree(own);
	return rest.data;
}

char *
dbm_index_source_write(const IndexStmt *statement, const DbmIndexSource *source, const char *rest)
{
	StringInfoData written;

	initStringInfo(&written);
	appendStringInfo(&written, "CREATE %sINDEX %s%s", statement->unique ? "UNIQUE " : "",
					 source->concurrently ? "CONCURRENTLY " : "",
					 source->if_not_exists ? "IF NOT EXISTS " : "");
	if (source->name)
		appendStringInfo(&written, "%s ", quote_identifier(source->name));
	appendStringInfo(&written, "ON %s%s", source->only ? "ONLY " : "",
					 dbm_relation_text(source->table));
	if (strchr(" \t\r\n\f(", rest[0]) == NULL)
		appendStringInfoChar(&written, ' ');
	appendStringInfoString(&written, rest);
	return written.data;
}
