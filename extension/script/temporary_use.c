/*
 * script/temporary_use.c: who uses a temporary relation that is gone
 *
 * By the parse tree, and by words in the code of DO blocks.  Functions that are
 * called are not looked into.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"

#include "script/code.h"
#include "script/temporary_use.h"

typedef struct Search
{
	const DbmScript *script;
	int ordinal; /* of the statement that is looked at */
	int first; /* of its step */
	const char *found;
} Search;

static bool
search_relation(Search *search, const RangeVar *relation)
{
	const DbmNote *made;

	if (relation == NULL || (relation->schemaname && strcmp(relation->schemaname, "pg_temp") != 0))
		return false;
	made = dbm_note_find(search->script, DBM_NOTE_RELATION, search->ordinal, relation);
	if (made == NULL || !made->temporary || made->ordinal >= search->first)
		return false;
	search->found = relation->relname;
	return true;
}

static bool
search_relations(Search *search, const List *relations)
{
	ListCell *cell;

	foreach (cell, relations)
	{
		if (search_relation(search, lfirst(cell)))
			return true;
	}
	return false;
}

/* DROP without IF EXISTS fails if it is gone. */
static bool
search_drop(Search *search, const DropStmt *drop)
{
	ListCell *cell;

	if (drop->missing_ok || drop->removeType != OBJECT_TABLE)
		return false;
	foreach (cell, drop->objects)
	{
		if (search_relation(search, dbm_code_name(lfirst_node(List, cell))))
			return true;
	}
	return false;
}

/* The code of a DO block: its words are looked for among the notes. */
static bool
search_code(Search *search, const DoStmt *statement)
{
	ListCell *cell;

	foreach (cell, search->script->notes)
	{
		const DbmNote *note = lfirst(cell);
		ListCell *argument;

		if (note->kind != DBM_NOTE_RELATION || !note->temporary || note->ordinal >= search->first)
			continue;
		foreach (argument, statement->args)
		{
			const DefElem *option = lfirst(argument);
			const RangeVar *relation = linitial(note->objects);

			if (strcmp(option->defname, "as") == 0 &&
				dbm_code_says(strVal(option->arg), strlen(strVal(option->arg)),
							  relation->relname) &&
				search_relation(search, relation))
				return true;
		}
	}
	return false;
}

static bool
search_columns(Search *search, const List *elements)
{
	ListCell *cell;

	foreach (cell, elements)
	{
		if (IsA(lfirst(cell), TableLikeClause) &&
			search_relation(search, ((TableLikeClause *) lfirst(cell))->relation))
			return true;
	}
	return false;
}

/* What the query of a statement reads and writes: raw_expression_tree_walker. */
static bool
search_node(Node *node, void *context)
{
	if (node == NULL || IsA(node, IntoClause))
		return false;
	if (IsA(node, RangeVar))
		return search_relation(context, (RangeVar *) node);
	return raw_expression_tree_walker(node, search_node, context);
}

static bool
search_statement(Search *search, Node *node)
{
	switch (nodeTag(node))
	{
		case T_SelectStmt:
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
			return search_node(node, search);
		case T_CopyStmt:
			return search_relation(search, ((CopyStmt *) node)->relation) ||
				   search_node(((CopyStmt *) node)->query, search);
		case T_CreateTableAsStmt:
			return search_statement(search, ((CreateTableAsStmt *) node)->query);
		case T_ViewStmt:
			return search_node(((ViewStmt *) node)->query, search);
		case T_ExplainStmt:
			return search_statement(search, ((ExplainStmt *) node)->query);
		case T_CreateStmt:
			return search_relations(search, ((CreateStmt *) node)->inhRelations) ||
				   search_columns(search, ((CreateStmt *) node)->tableElts);
		case T_IndexStmt:
			return search_relation(search, ((IndexStmt *) node)->relation);
		case T_AlterTableStmt:
			return !((AlterTableStmt *) node)->missing_ok &&
				   search_relation(search, ((AlterTableStmt *) node)->relation);
		case T_RenameStmt:
			return !((RenameStmt *) node)->missing_ok &&
				   search_relation(search, ((RenameStmt *) node)->relation);
		case T_TruncateStmt:
			return search_relations(search, ((TruncateStmt *) node)->relations);
		case T_LockStmt:
			return search_relations(search, ((LockStmt *) node)->relations);
		case T_DropStmt:
			return search_drop(search, (DropStmt *) node);
		case T_DoStmt:
			return search_code(search, (DoStmt *) node);
		default:
			return false;
	}
}

const char *
dbm_temporary_used(const DbmScript *script, const DbmStatement *statement, int first)
{
	Search search = {.script = script, .ordinal = statement->ordinal, .first = first};
	const char *text;
	RawStmt *raw = dbm_script_parse(script, statement, &text);

	return search_statement(&search, raw->stmt) ? search.found : NULL;
}
