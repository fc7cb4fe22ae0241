/*
 * ledger/index_shape.c: is an index the one that a statement asks for?
 */
#include "postgres.h"

#include "access/amapi.h"
#include "access/attmap.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_utilcmd.h"
#include "rewrite/rewriteManip.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "ledger/index_shape.h"

static DbmIndexShape *
make_shape(int nattributes, int nkeys)
{
	DbmIndexShape *shape = palloc0(sizeof(DbmIndexShape));

	shape->nattributes = nattributes;
	shape->nkeys = nkeys;
	shape->attributes = palloc0(sizeof(AttrNumber) * nattributes);
	shape->collations = palloc0(sizeof(Oid) * nattributes);
	shape->classes = palloc0(sizeof(Oid) * nattributes);
	shape->options = palloc0(sizeof(int16) * nattributes);
	shape->parameters = palloc0(sizeof(char *) * nattributes);
	return shape;
}

/* ---- parameters ---- */

static int
compare_strings(const ListCell *left, const ListCell *right)
{
	return strcmp(lfirst(left), lfirst(right));
}

/* An array of name=value, 0 for none, as a text that does not depend on their order. */
static char *
write_parameters(Datum array)
{
	StringInfoData written;
	List *parameters = NIL;
	Datum *elements;
	int count = 0;
	ListCell *cell;

	if (array != (Datum) 0)
		deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements,
						  NULL, &count);
	for (int at = 0; at < count; at++)
		parameters = lappend(parameters, TextDatumGetCString(elements[at]));
	list_sort(parameters, compare_strings);
	initStringInfo(&written);
	foreach (cell, parameters)
		appendStringInfo(&written, "%s\n", (char *) lfirst(cell));
	return written.data;
}

static char *
asked_parameters(List *options)
{
	return write_parameters(transformRelOptions((Datum) 0, options, NULL, NULL, false, false));
}

/* ---- asked for: as ComputeIndexAttrs and DefineIndex see the statement ---- */

/* The expression without what only chooses a collation. */
static Node *
strip_collation(Node *expression)
{
	while (IsA(expression, CollateExpr))
		expression = (Node *) ((CollateExpr *) expression)->arg;
	return expression;
}

static int16
asked_options(const IndexElem *element)
{
	bool descending = element->ordering == SORTBY_DESC;
	bool nulls_first = element->nulls_ordering == SORTBY_NULLS_DEFAULT
						   ? descending
						   : element->nulls_ordering == SORTBY_NULLS_FIRST;

	return (descending ? INDOPTION_DESC : 0) | (nulls_first ? INDOPTION_NULLS_FIRST : 0);
}

/* Fills column at of the shape; returns its type, and its collation unless one is asked for. */
static Oid
ask_column(DbmIndexShape *shape, int at, Oid table, const IndexElem *element, Oid *collation)
{
	Oid type = InvalidOid;
	int32 typmod;

	if (element->name)
	{
		shape->attributes[at] = get_attnum(table, element->name);
		if (shape->attributes[at] == InvalidAttrNumber)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
							errmsg("column \"%s\" does not exist", element->name)));
		get_atttypetypmodcoll(table, shape->attributes[at], &type, &typmod, collation);
	}
	else
	{
		Node *stripped = strip_collation(element->expr);

		type = exprType(element->expr);
		*collation = exprCollation(element->expr);
		if (IsA(stripped, Var) && ((Var *) stripped)->varattno != InvalidAttrNumber)
			shape->attributes[at] = ((Var *) stripped)->varattno;
		else
			shape->expressions = lappend(shape->expressions, stripped);
	}
	return type;
}

static void
ask_columns(DbmIndexShape *shape, Oid table, const IndexStmt *statement, const char *method)
{
	IndexAmRoutine *routine = GetIndexAmRoutineByAmId(shape->method, true);
	bool ordered = routine && routine->amcanorder;
	ListCell *cell;
	int at = 0;

	foreach (cell, list_concat_copy(statement->indexParams, statement->indexIncludingParams))
	{
		const IndexElem *element = lfirst_node(IndexElem, cell);
		Oid collation = InvalidOid;
		Oid type = ask_column(shape, at, table, element, &collation);

		if (at < shape->nkeys)
		{
			if (element->collation)
				collation = get_collation_oid(element->collation, false);
			shape->collations[at] = collation;
			shape->classes[at] = ResolveOpClass(element->opclass, type, method, shape->method);
			shape->options[at] = ordered ? asked_options(element) : 0;
			shape->parameters[at] = asked_parameters(element->opclassopts);
		}
		at++;
	}
}

/* Of what lies where the database does, the catalogs say no more than that. */
static Oid
own_tablespace(Oid tablespace)
{
	return tablespace == MyDatabaseTableSpace ? InvalidOid : tablespace;
}

DbmIndexShape *
dbm_index_shape_asked(Oid table, const IndexStmt *statement, const char *text)
{
	IndexStmt *analysed = transformIndexStmt(table, copyObject(unconstify(IndexStmt *, statement)),
											 text);
	int nkeys = list_length(analysed->indexParams);
	DbmIndexShape *shape = make_shape(nkeys + list_length(analysed->indexIncludingParams), nkeys);
	/* the server still takes the name of a method that is long gone */
	const char *method = strcmp(analysed->accessMethod, "rtree") == 0 ? "gist"
																	  : analysed->accessMethod;

	shape->method = get_index_am_oid(method, false);
	shape->unique = analysed->unique;
	shape->nulls_not_distinct = analysed->nulls_not_distinct;
	shape->exclusion = analysed->excludeOpNames != NIL;
	shape->storage = asked_parameters(analysed->options);
	shape->placed = analysed->tableSpace != NULL;
	if (shape->placed)
		shape->tablespace = own_tablespace(get_tablespace_oid(analysed->tableSpace, false));
	ask_columns(shape, table, analysed, method);
	if (analysed->whereClause)
		shape->predicate = (Node *) make_ands_explicit(
			make_ands_implicit((Expr *) analysed->whereClause));
	return shape;
}

/* ---- found: as it stands in pg_index ---- */

static Node *
read_tree(HeapTuple tuple, AttrNumber column)
{
	bool isnull;
	Datum value = SysCacheGetAttr(INDEXRELID, tuple, column, &isnull);

	return isnull ? NULL : stringToNode(TextDatumGetCString(value));
}

static void
read_oids(HeapTuple tuple, AttrNumber column, Oid *oids, int count)
{
	bool isnull;
	Datum value = SysCacheGetAttr(INDEXRELID, tuple, column, &isnull);

	if (!isnull)
		memcpy(oids, ((oidvector *) DatumGetPointer(value))->values, sizeof(Oid) * count);
}

static void
read_options(HeapTuple tuple, int16 *options, int count)
{
	bool isnull;
	Datum value = SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indoption, &isnull);

	if (!isnull)
		memcpy(options, ((int2vector *) DatumGetPointer(value))->values, sizeof(int16) * count);
}

static void
read_class(Oid index, DbmIndexShape *shape)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(index));
	Datum value;
	bool isnull;

	if (!HeapTupleIsValid(tuple))
		return;
	shape->method = ((Form_pg_class) GETSTRUCT(tuple))->relam;
	shape->tablespace = ((Form_pg_class) GETSTRUCT(tuple))->reltablespace;
	value = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_reloptions, &isnull);
	shape->storage = write_parameters(isnull ? (Datum) 0 : value);
	ReleaseSysCache(tuple);
}

DbmIndexShape *
dbm_index_shape_found(Oid index)
{
	HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Form_pg_index row;
	DbmIndexShape *shape;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	row = (Form_pg_index) GETSTRUCT(tuple);
	shape = make_shape(row->indnatts, row->indnkeyatts);
	read_class(index, shape);
	shape->unique = row->indisunique;
	shape->nulls_not_distinct = row->indnullsnotdistinct;
	shape->exclusion = row->indisexclusion;
	memcpy(shape->attributes, row->indkey.values, sizeof(AttrNumber) * row->indnatts);
	read_oids(tuple, Anum_pg_index_indcollation, shape->collations, row->indnkeyatts);
	read_oids(tuple, Anum_pg_index_indclass, shape->classes, row->indnkeyatts);
	read_options(tuple, shape->options, row->indnkeyatts);
	for (int at = 0; at < row->indnkeyatts; at++)
		shape->parameters[at] = write_parameters(get_attoptions(index, at + 1));
	shape->expressions = (List *) read_tree(tuple, Anum_pg_index_indexprs);
	shape->predicate = read_tree(tuple, Anum_pg_index_indpred);
	ReleaseSysCache(tuple);
	return shape;
}

/* ---- compared ---- */

const char *
dbm_index_shape_difference(const DbmIndexShape *asked, const DbmIndexShape *found)
{
	if (asked->method != found->method)
		return "access method";
	if (asked->unique != found->unique || asked->exclusion != found->exclusion)
		return "uniqueness";
	if (asked->nulls_not_distinct != found->nulls_not_distinct)
		return "handling of nulls";
	if (asked->nkeys != found->nkeys || asked->nattributes != found->nattributes ||
		memcmp(asked->attributes, found->attributes, sizeof(AttrNumber) * asked->nattributes) != 0)
		return "columns";
	if (!equal(asked->expressions, found->expressions))
		return "expressions";
	if (!equal(asked->predicate, found->predicate))
		return "condition";
	if (memcmp(asked->collations, found->collations, sizeof(Oid) * asked->nkeys) != 0)
		return "collation";
	if (memcmp(asked->classes, found->classes, sizeof(Oid) * asked->nkeys) != 0)
		return "operator class";
	if (memcmp(asked->options, found->options, sizeof(int16) * asked->nkeys) != 0)
		return "order";
	for (int at = 0; at < asked->nkeys; at++)
	{
		if (strcmp(asked->parameters[at], found->parameters[at]) != 0)
			return "parameters of an operator class";
	}
	if (found->storage == NULL || strcmp(asked->storage, found->storage) != 0)
		return "storage parameters";
	if (asked->placed && asked->tablespace != found->tablespace)
		return "tablespace";
	return NULL;
}

static int
count_columns(Oid table)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	int count = 0;

	if (HeapTupleIsValid(tuple))
	{
		count = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
		ReleaseSysCache(tuple);
	}
	return count;
}

/* By column names: what number a column of the partitioned table has in the partition. */
static AttrMap *
map_columns(Oid parent, Oid child)
{
	int count = count_columns(parent);
	AttrMap *map = make_attrmap(count);

	for (int at = 0; at < count; at++)
	{
		char *name = get_attname(parent, at + 1, true);

		/* dropped ones have a name, too, which no column of the child has */
		map->attnums[at] = name ? get_attnum(child, name) : InvalidAttrNumber;
	}
	return map;
}

static bool
tree_fits(Node *parent, Node *child, const AttrMap *map)
{
	bool whole_row = false;

	if (parent == NULL || child == NULL)
		return parent == child;
	parent = map_variable_attnos(parent, 1, 0, map, InvalidOid, &whole_row);
	return !whole_row && equal(parent, child);
}

static bool
column_fits(const DbmIndexShape *parent, const DbmIndexShape *child, int at, const AttrMap *map)
{
	AttrNumber attribute = parent->attributes[at];

	if (attribute > map->maplen)
		return false;
	if (child->attributes[at] != (attribute > 0 ? map->attnums[attribute - 1] : attribute))
		return false;
	return at >= parent->nkeys ||
		   (parent->collations[at] == child->collations[at] &&
			get_opclass_family(parent->classes[at]) == get_opclass_family(child->classes[at]));
}

bool
dbm_index_shape_fits(const DbmIndexShape *parent, Oid parent_table, const DbmIndexShape *child,
					 Oid child_table)
{
	AttrMap *map;
	bool fits = true;

	if (parent->unique != child->unique || parent->method != child->method ||
		parent->nulls_not_distinct != child->nulls_not_distinct ||
		parent->nattributes != child->nattributes || parent->nkeys != child->nkeys ||
		parent->exclusion || child->exclusion)
		return false;
	map = map_columns(parent_table, child_table);
	for (int at = 0; at < parent->nattributes && fits; at++)
		fits = column_fits(parent, child, at, map);
	fits = fits && tree_fits((Node *) parent->expressions, (Node *) child->expressions, map) &&
		   tree_fits(parent->predicate, child->predicate, map);
	free_attrmap(map);
	return fits;
}

/* ---- compared without raising ---- */

/* Copies the message of the error that is being caught, and drops the error. */
static const char *
take_message(MemoryContext caller)
{
	ErrorData *error;

	MemoryContextSwitchTo(caller);
	error = CopyErrorData();
	FlushErrorState();
	return error->message;
}

static DbmIndexMatch
match_locked(Oid table, const IndexStmt *statement, const char *text, Oid index,
			 const char **difference)
{
	DbmIndexShape *found = dbm_index_shape_found(index);

	*difference = found ? dbm_index_shape_difference(dbm_index_shape_asked(table, statement, text),
													 found)
						: "existence";
	return *difference ? DBM_INDEX_DIFFERS : DBM_INDEX_SAME;
}

/*
 * A subtransaction, always taken back: analysis may raise, and its locks are
 * not to stay.  A lock for reading is one that no concurrent build waits for.
 */
DbmIndexMatch
dbm_index_shape_match(Oid table, const IndexStmt *statement, const char *text, Oid index,
					  const char **difference)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile DbmIndexMatch match = DBM_INDEX_CANNOT_TELL;
	const char *volatile why = "its table is locked";

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		const char *found;

		if (ConditionalLockRelationOid(table, AccessShareLock))
		{
			match = match_locked(table, statement, text, index, &found);
			why = found;
		}
	}
	PG_CATCH();
	{
		/* to cancel is to cancel; what else is wrong the statement will be told */
		if (geterrcode() == ERRCODE_QUERY_CANCELED || geterrcode() == ERRCODE_ADMIN_SHUTDOWN)
			PG_RE_THROW();
		why = take_message(caller);
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	*difference = why;
	return match;
}
