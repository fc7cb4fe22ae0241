/*
 * ledger/proof_reindex.c: REINDEX, of which only what an interrupted
 * CONCURRENTLY leaves behind can be seen
 *
 * It builds name_ccnew beside the index, swaps the two and drops name_ccold.
 * Which of the two is left depends on how far it came, of a table with many
 * indexes one for each; all are invalid, and the index itself is good in either
 * case.  An invalid index whose name says so by chance is nobody's business: there
 * must be one of that name on the same table that it is a copy of.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "ledger/index_shape.h"
#include "ledger/index_state.h"
#include "ledger/inheritance.h"
#include "ledger/proof_case.h"
#include "ledger/relation_name.h"

/* Where to look: in tables, in a schema, or (neither) in the whole database. */
typedef struct Scope
{
	bool in_tables;
	List *tables;
	Oid schema;
} Scope;

typedef struct Leftover
{
	Oid index;
	Oid table; /* the one that a person knows */
	const char *name;
	const char *table_name;
} Leftover;

/* What name_ccnew or name_ccold, with a number perhaps, has behind the name; or NULL. */
static const char *
find_label(const char *name)
{
	int length = strlen(name);

	while (length > 0 && name[length - 1] >= '0' && name[length - 1] <= '9')
		length--;
	if (length > 6 && (strncmp(name + length - 6, "_ccnew", 6) == 0 ||
					   strncmp(name + length - 6, "_ccold", 6) == 0))
		return name + length - 5;
	return NULL;
}

/* Would a copy of this index be called so, long names cut as the server cuts them? */
static bool
gives_name(Oid index, const char *label, const char *name)
{
	const char *original = get_rel_name(index);

	return original && strcmp(makeObjectName(original, NULL, label), name) == 0;
}

/* Is it a copy of an index of its table, which is there? */
static bool
is_leftover(Oid index, Oid table)
{
	const char *name = get_rel_name(index);
	const char *label = name ? find_label(name) : NULL;
	DbmIndexShape *shape;
	ListCell *cell;

	if (label == NULL || (shape = dbm_index_shape_found(index)) == NULL)
		return false;
	foreach (cell, dbm_index_list(table))
	{
		DbmIndexShape *original;

		if (lfirst_oid(cell) == index || !gives_name(lfirst_oid(cell), label, name))
			continue;
		original = dbm_index_shape_found(lfirst_oid(cell));
		/* it may have been on its way to another tablespace */
		if (original && dbm_index_shape_difference(original, shape) == NULL)
			return true;
	}
	return false;
}

/* The table that has this TOAST table, or InvalidOid. */
static Oid
find_toast_owner(Oid toast)
{
	Relation class = table_open(RelationRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Oid owner = InvalidOid;

	ScanKeyInit(&key, Anum_pg_class_reltoastrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(toast));
	scan = systable_beginscan(class, InvalidOid, false, NULL, 1, &key);
	if ((tuple = systable_getnext(scan)) != NULL)
		owner = ((Form_pg_class) GETSTRUCT(tuple))->oid;
	systable_endscan(scan);
	table_close(class, AccessShareLock);
	return owner;
}

/* The table that a person knows: for the index of a TOAST table, its owner. */
static Oid
find_table(Oid table)
{
	Oid owner = get_rel_relkind(table) == RELKIND_TOASTVALUE ? find_toast_owner(table) : InvalidOid;

	return OidIsValid(owner) ? owner : table;
}

static bool
is_in_scope(const Scope *scope, Oid table)
{
	if (scope->in_tables)
		return list_member_oid(scope->tables, table);
	return !OidIsValid(scope->schema) || get_rel_namespace(table) == scope->schema;
}

static int
compare_leftovers(const ListCell *left, const ListCell *right)
{
	Oid one = ((const Leftover *) lfirst(left))->index;
	Oid other = ((const Leftover *) lfirst(right))->index;

	return one < other ? -1 : one > other;
}

/* Indexes that are not good, of whatever table. */
static List *
find_invalid(void)
{
	Relation indexes = table_open(IndexRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(indexes, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;
	List *found = NIL;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_index row = (Form_pg_index) GETSTRUCT(tuple);
		Leftover *leftover;

		CHECK_FOR_INTERRUPTS();
		if (row->indisvalid && row->indislive)
			continue;
		leftover = palloc0(sizeof(Leftover));
		leftover->index = row->indexrelid;
		leftover->table = row->indrelid;
		found = lappend(found, leftover);
	}
	systable_endscan(scan);
	table_close(indexes, AccessShareLock);
	list_sort(found, compare_leftovers);
	return found;
}

/* Those in the scope that an interrupted REINDEX has left: a list of Leftover *. */
static List *
find_leftovers(const Scope *scope)
{
	List *found = NIL;
	ListCell *cell;

	foreach (cell, find_invalid())
	{
		Leftover *leftover = lfirst(cell);
		Oid table = find_table(leftover->table);

		if (!is_in_scope(scope, table) || !is_leftover(leftover->index, leftover->table))
			continue;
		leftover->table = table;
		leftover->name = dbm_relation_text(leftover->index);
		leftover->table_name = dbm_relation_text(table);
		if (leftover->name && leftover->table_name)
			found = lappend(found, leftover);
	}
	return found;
}

/* Fills the scope; false: what is to be reindexed is not there. */
static bool
find_scope(const ReindexStmt *statement, Scope *scope)
{
	Oid relation;
	DbmIndexState state;

	if (statement->relation == NULL)
	{
		if (statement->kind == REINDEX_OBJECT_SCHEMA)
			scope->schema = LookupNamespaceNoError(statement->name);
		return statement->kind != REINDEX_OBJECT_SCHEMA || OidIsValid(scope->schema);
	}
	relation = dbm_relation_find(statement->relation);
	if (!OidIsValid(relation))
		return false;
	if (dbm_index_state(relation, &state))
		relation = state.table;
	scope->in_tables = true;
	scope->tables = dbm_inheritance_tree(relation);
	return true;
}

/* By the rule of DROP INDEX. */
static bool
may_drop(Oid index)
{
	Oid schema = get_rel_namespace(index);

	return dbm_may_use_namespace(schema, GetUserId()) &&
		   (dbm_owns_relation(index, GetUserId()) || dbm_owns_namespace(schema, GetUserId()));
}

/* Somebody rebuilds an index of that table at this moment; what is in the way is not left but made. */
static bool
judge_at_work(const Leftover *leftover, DbmProof *proof)
{
	proof->at_work = dbm_index_builder(leftover->table);
	if (proof->at_work != 0)
		dbm_proof_say(proof, DBM_PROOF_UNKNOWN,
					  "Process %d is rebuilding an index on %s at this moment.", proof->at_work,
					  leftover->table_name);
	return proof->at_work != 0;
}

static char *
list_leftovers(List *leftovers)
{
	StringInfoData list;
	ListCell *cell;

	initStringInfo(&list);
	foreach (cell, leftovers)
	{
		const Leftover *leftover = lfirst(cell);

		appendStringInfo(&list, "%s%s on %s", list.len > 0 ? ", " : "", leftover->name,
						 leftover->table_name);
	}
	return psprintf(list_length(leftovers) == 1 ? "Invalid index %s is" : "Invalid indexes %s are",
					list.data);
}

static void
judge_foreign(List *foreign, DbmProof *proof)
{
	const Leftover *first = linitial(foreign);

	proof->repeatable = true;
	dbm_proof_say(proof, DBM_PROOF_NOT_DONE,
				  "%s left from an interrupted REINDEX.  Role %s may not drop %s; a superuser can, "
				  "with: DROP INDEX CONCURRENTLY %s.",
				  list_leftovers(foreign), quote_identifier(GetUserNameFromId(GetUserId(), false)),
				  list_length(foreign) == 1 ? "it" : "them", first->name);
}

/*
 * Nothing that is left keeps another REINDEX from running, so that what the
 * role may not drop can stay: the index of a TOAST table, or, where a whole
 * database is reindexed, that of another owner.  All else goes, one by one.
 */
static void
judge_leftovers(List *leftovers, DbmProof *proof)
{
	List *own = NIL;
	List *foreign = NIL;
	ListCell *cell;
	DbmProof at_work = {0};

	foreach (cell, leftovers)
	{
		Leftover *leftover = lfirst(cell);
		DbmProof other = {0};

		if (judge_at_work(leftover, &other))
			at_work = other;
		else if (may_drop(leftover->index))
			own = lappend(own, leftover);
		else
			foreign = lappend(foreign, leftover);
	}
	if (own)
	{
		dbm_proof_say(proof, DBM_PROOF_PARTIAL, "%s left from an interrupted REINDEX.",
					  list_leftovers(own));
		proof->cleanup = psprintf("DROP INDEX CONCURRENTLY %s", ((Leftover *) linitial(own))->name);
	}
	else if (at_work.at_work != 0)
		*proof = at_work;
	else
		judge_foreign(foreign, proof);
}

void
dbm_proof_reindex(const Node *node, const char *text, DbmProof *proof)
{
	const ReindexStmt *statement = (const ReindexStmt *) node;
	Scope scope = {0};
	List *leftovers;

	if (!find_scope(statement, &scope))
	{
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "There is no %s.",
					  statement->relation
						  ? psprintf("relation %s", dbm_relation_written(statement->relation))
						  : psprintf("schema %s", quote_identifier(statement->name)));
		return;
	}
	leftovers = find_leftovers(&scope);
	if (leftovers)
		judge_leftovers(leftovers, proof);
	else
	{
		proof->repeatable = true;
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE,
					  "No invalid index is left from an interrupted REINDEX.  Whether it ran the "
					  "catalogs do not show; it may run again.");
	}
}
