/*
 * ledger/proof_reindex.c: REINDEX, of which only what an interrupted
 * CONCURRENTLY leaves behind can be seen
 *
 * It builds name_ccnew beside the index, swaps the two and drops name_ccold.
 * Which of the two is left depends on how far it came; both are invalid, and
 * the index itself is good in either case.
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
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/compat.h"
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

/* Is it name_ccnew or name_ccold, with a number perhaps? */
static bool
is_leftover_name(const char *name)
{
	int length = strlen(name);

	while (length > 0 && name[length - 1] >= '0' && name[length - 1] <= '9')
		length--;
	return length > 6 && (strncmp(name + length - 6, "_ccnew", 6) == 0 ||
						  strncmp(name + length - 6, "_ccold", 6) == 0);
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

/* An index in the scope that an interrupted REINDEX has left; InvalidOid: none. */
static Oid
find_leftover(const Scope *scope, Oid *table)
{
	Relation indexes = table_open(IndexRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(indexes, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;
	Oid found = InvalidOid;

	while (!OidIsValid(found) && (tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_index row = (Form_pg_index) GETSTRUCT(tuple);
		char *name;

		CHECK_FOR_INTERRUPTS();
		if (row->indisvalid && row->indislive)
			continue;
		name = get_rel_name(row->indexrelid);
		if (name == NULL || !is_leftover_name(name))
			continue;
		*table = find_table(row->indrelid);
		if (is_in_scope(scope, *table))
			found = row->indexrelid;
	}
	systable_endscan(scan);
	table_close(indexes, AccessShareLock);
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

/*
 * Nothing that is left keeps another REINDEX from running, so that what the
 * role may not drop can stay: the index of a TOAST table, or, where a whole
 * database is reindexed, that of another owner.
 */
static void
judge_leftover(Oid index, Oid table, DbmProof *proof)
{
	const char *name = dbm_relation_text(index);
	int builder = dbm_index_builder(table);

	if (name == NULL)
		dbm_proof_say(proof, DBM_PROOF_UNKNOWN, "An index was dropped a moment ago.");
	else if (builder != 0)
	{
		proof->at_work = builder;
		dbm_proof_say(proof, DBM_PROOF_UNKNOWN,
					  "Process %d is rebuilding an index on %s at this moment.", builder,
					  dbm_relation_text(table));
	}
	else if (!may_drop(index))
	{
		proof->repeatable = true;
		dbm_proof_say(
			proof, DBM_PROOF_NOT_DONE,
					  "Invalid index %s on %s is left from an interrupted REINDEX.  Role %s may not "
					  "drop it; a superuser can, with: DROP INDEX CONCURRENTLY %s.",
			name, dbm_relation_text(table), quote_identifier(GetUserNameFromId(GetUserId(), false)),
			name);
	}
	else
	{
		dbm_proof_say(proof, DBM_PROOF_PARTIAL,
					  "Invalid index %s on %s is left from an interrupted REINDEX.", name,
					  dbm_relation_text(table));
		proof->cleanup = psprintf("DROP INDEX CONCURRENTLY %s", name);
	}
}

void
dbm_proof_reindex(const Node *node, const char *text, DbmProof *proof)
{
	const ReindexStmt *statement = (const ReindexStmt *) node;
	Scope scope = {0};
	Oid table;
	Oid leftover;

	if (!find_scope(statement, &scope))
	{
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "There is no %s.",
					  statement->relation
						  ? psprintf("relation %s", dbm_relation_written(statement->relation))
						  : psprintf("schema %s", quote_identifier(statement->name)));
		return;
	}
	leftover = find_leftover(&scope, &table);
	if (OidIsValid(leftover))
		judge_leftover(leftover, table, proof);
	else
	{
		proof->repeatable = true;
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE,
					  "No invalid index is left from an interrupted REINDEX.  Whether it ran the "
					  "catalogs do not show; it may run again.");
	}
}
