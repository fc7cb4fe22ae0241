/*
 * schema/deparse.c: the server's deparser without its relation cache
 *
 * An expression over a relation is deparsed against a plan of one VALUES list
 * that carries the names of the relation's columns: the same text as
 * pg_get_expr, and no relation has to be opened for it.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/heap.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "nodes/value.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"

#include "schema/deparse.h"

/* ---- names that are shown without depending on them ---- */

static bool hidden = false;

static bool shows_name(Oid type);

static bool
row_shows_name(Oid type)
{
	TupleDesc descriptor = lookup_rowtype_tupdesc_copy(type, -1);

	for (int at = 0; at < descriptor->natts; at++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, at);

		if (!attribute->attisdropped && shows_name(attribute->atttypid))
			return true;
	}
	return false;
}

/* Do values of this type hold numbers that are written as names? */
static bool
shows_name(Oid type)
{
	Oid element;

	switch (type)
	{
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
		case REGCLASSOID:
		case REGCOLLATIONOID:
		case REGTYPEOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
		case REGROLEOID:
		case REGNAMESPACEOID:
			return true;
		default:
			break;
	}
	element = get_element_type(type);
	if (OidIsValid(element))
		return shows_name(element);
	/* of the server's own no others */
	if (type < FirstNormalObjectId)
		return false;
	switch (get_typtype(type))
	{
		case TYPTYPE_DOMAIN:
			return shows_name(getBaseType(type));
		case TYPTYPE_COMPOSITE:
			return row_shows_name(type);
		case TYPTYPE_RANGE:
			return shows_name(get_range_subtype(type));
		case TYPTYPE_MULTIRANGE:
			return shows_name(get_multirange_range(type));
		default:
			return false;
	}
}

/* A constant of such a type itself is depended on by what it names, unless it bounds a partition. */
static bool
hides_name(Oid type, bool bound)
{
	bool plain = type < FirstNormalObjectId && !OidIsValid(get_element_type(type));

	return (bound || !plain) && shows_name(type);
}

static void
note_constants(const char *node_text, bool bound)
{
	static const char tag[] = " :consttype ";

	/* what is in a text may look the same, and costs no more than describing once too often */
	while (!hidden && (node_text = strstr(node_text, tag)) != NULL)
	{
		node_text += strlen(tag);
		hidden = hides_name(strtoul(node_text, NULL, 10), bound);
	}
}

void
dbm_deparse_note(const char *node_text)
{
	note_constants(node_text, false);
}

bool
dbm_deparse_hidden(void)
{
	bool any = hidden;

	hidden = false;
	return any;
}

static Node *
read_nodes(const char *node_text)
{
	note_constants(node_text, false);
	return stringToNode(node_text);
}

/* ---- deparsing ---- */

const char *
dbm_column_name(DbmColumns *columns, int number)
{
	if (number < 0)
		return NameStr(SystemAttributeDefinition(number)->attname);
	if (number == 0 || number > columns->count)
		elog(ERROR, "relation %u has no column %d", columns->relation, number);
	return columns->names[number - 1];
}

static RangeTblEntry *
make_entry(DbmColumns *columns, const char *name)
{
	RangeTblEntry *entry = makeNode(RangeTblEntry);
	List *names = NIL;

	for (int at = 0; at < columns->count; at++)
		names = lappend(names, makeString((char *) columns->names[at]));
	entry->rtekind = RTE_VALUES;
	entry->eref = makeAlias(name, names);
	entry->inFromCl = true;
	return entry;
}

static List *
make_context(List *entries, List *names)
{
	PlannedStmt *plan = makeNode(PlannedStmt);

	plan->rtable = entries;
	return deparse_context_for_plan_tree(plan, names);
}

/* Does the tree read a system column of the relation?  A VALUES list has none. */
static bool
reads_system_column(Node *node, int *level)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var *variable = (Var *) node;

		return variable->varattno < 0 && variable->varlevelsup == *level;
	}
	if (IsA(node, Query))
	{
		bool found;

		(*level)++;
		found = query_tree_walker((Query *) node, reads_system_column, level, 0);
		(*level)--;
		return found;
	}
	return expression_tree_walker(node, reads_system_column, level);
}

static List *
context_of(Node *node, DbmColumns *columns)
{
	int level = 0;

	if (columns == NULL)
		return NIL;
	if (reads_system_column(node, &level))
		return deparse_context_for(columns->name, columns->relation);
	if (columns->context == NIL)
		columns->context = make_context(list_make1(make_entry(columns, columns->name)),
										list_make1((char *) columns->name));
	return columns->context;
}

char *
dbm_deparse(const char *node_text, DbmColumns *columns)
{
	Node *node = read_nodes(node_text);

	return deparse_expression(node, context_of(node, columns), false, false);
}

char *
dbm_deparse_bound(const char *node_text)
{
	note_constants(node_text, true);
	return deparse_expression(stringToNode(node_text), NIL, false, false);
}

char *
dbm_deparse_over(const char *node_text, Oid relation)
{
	char *name = get_rel_name(relation);

	if (name == NULL)
		elog(ERROR, "cache lookup failed for relation %u", relation);
	return deparse_expression(read_nodes(node_text), deparse_context_for(name, relation), false,
							  false);
}

List *
dbm_deparse_list(const char *node_text, DbmColumns *columns)
{
	List *nodes = castNode(List, read_nodes(node_text));
	List *result = NIL;
	ListCell *cell;

	foreach(cell, nodes)
	{
		Node *node = lfirst(cell);

		result = lappend(result, deparse_expression(node, context_of(node, columns), false, false));
	}
	return result;
}

char *
dbm_deparse_trigger_condition(const char *node_text, DbmColumns *columns)
{
	Node *node = read_nodes(node_text);
	List *entries = list_make2(make_entry(columns, "old"), make_entry(columns, "new"));
	int level = 0;

	/* old.tableoid and its like: the deparser wants real relations for these */
	if (reads_system_column(node, &level))
	{
		ListCell *cell;

		foreach(cell, entries)
		{
			RangeTblEntry *entry = lfirst(cell);

			entry->rtekind = RTE_RELATION;
			entry->relid = columns->relation;
			entry->relkind = 'r';
			entry->rellockmode = 1;
			entry->alias = makeAlias(entry->eref->aliasname, NIL);
			entry->eref = entry->alias;
		}
	}
	return deparse_expression(node, make_context(entries, list_make2("old", "new")), true, false);
}

static void rename_targets(Query *query, DbmColumns *columns);

/* The arms of a set operation carry the names of the result, the deparser writes each. */
static void
rename_arms(Node *operation, Query *query, DbmColumns *columns)
{
	if (IsA(operation, SetOperationStmt))
	{
		rename_arms(((SetOperationStmt *) operation)->larg, query, columns);
		rename_arms(((SetOperationStmt *) operation)->rarg, query, columns);
	}
	else
	{
		RangeTblEntry *arm = rt_fetch(castNode(RangeTblRef, operation)->rtindex, query->rtable);

		rename_targets(arm->subquery, columns);
	}
}

/* Gives the columns of the query their names of today. */
static void
rename_targets(Query *query, DbmColumns *columns)
{
	ListCell *cell;
	int at = 0;

	foreach(cell, query->targetList)
	{
		TargetEntry *target = lfirst(cell);

		if (!target->resjunk && at < columns->count)
			target->resname = (char *) columns->names[at++];
	}
	if (query->setOperations)
		rename_arms(query->setOperations, query, columns);
}

char *
dbm_deparse_view(const char *action, DbmColumns *columns)
{
	List *actions = castNode(List, read_nodes(action));
	Query *query = linitial_node(Query, actions);

	rename_targets(query, columns);
	return pg_get_querydef(query, false);
}
