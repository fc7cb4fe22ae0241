/*
 * ledger/proof_partition.c: DETACH PARTITION, and ATTACH PARTITION of indexes
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "utils/lsyscache.h"

#include "ledger/index_state.h"
#include "ledger/inheritance.h"
#include "ledger/proof_case.h"
#include "ledger/relation_name.h"

/* The relation that a partition command names. */
static const RangeVar *
named_partition(const AlterTableStmt *statement)
{
	return castNode(PartitionCmd, linitial_node(AlterTableCmd, statement->cmds)->def)->name;
}

static void
judge_attached(const AlterTableStmt *statement, Oid child, bool pending, DbmProof *proof)
{
	const char *parent_text = dbm_relation_text(dbm_relation_find(statement->relation));
	const char *child_text = dbm_relation_text(child);

	if (parent_text == NULL || child_text == NULL)
		dbm_proof_say(proof, DBM_PROOF_UNKNOWN, "A table was dropped a moment ago.");
	else if (!pending)
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "%s is a partition of %s.", child_text,
					  parent_text);
	else
	{
		dbm_proof_say(proof, DBM_PROOF_PARTIAL,
					  "%s is no longer read as a partition of %s, but detaching it ended half way.",
					  child_text, parent_text);
		proof->finish = psprintf("ALTER TABLE %s DETACH PARTITION %s FINALIZE", parent_text,
								 child_text);
	}
}

void
dbm_proof_detach(const Node *node, const char *text, DbmProof *proof)
{
	const AlterTableStmt *statement = (const AlterTableStmt *) node;
	const RangeVar *name = named_partition(statement);
	Oid child = dbm_relation_find(name);
	Oid parent = dbm_relation_find(statement->relation);
	bool pending = false;
	Oid found = OidIsValid(child) ? dbm_inheritance_parent(child, &pending) : InvalidOid;

	if (!OidIsValid(child))
		dbm_proof_say(proof, DBM_PROOF_DONE, "There is no table %s.", dbm_relation_written(name));
	else if (!OidIsValid(found))
		dbm_proof_say(proof, DBM_PROOF_DONE, "%s is not a partition of any table.",
					  dbm_relation_text(child));
	else if (!OidIsValid(parent))
		dbm_proof_say(proof, DBM_PROOF_UNKNOWN, "There is no table %s; %s is a partition of %s.",
					  dbm_relation_written(statement->relation), dbm_relation_text(child),
					  dbm_relation_text(found));
	else if (found != parent)
		dbm_proof_say(proof, DBM_PROOF_DONE, "%s is not a partition of %s but of %s.",
					  dbm_relation_text(child), dbm_relation_text(parent),
					  dbm_relation_text(found));
	else
		judge_attached(statement, child, pending, proof);
}

/* Does every partition have a valid index attached, although the server did not notice? */
static bool
could_be_valid(Oid parent)
{
	DbmIndexState state;
	List *attached;

	if (!dbm_index_state(parent, &state) || state.valid)
		return false;
	attached = dbm_inheritance_children(parent);
	return list_length(attached) == list_length(dbm_inheritance_children(state.table)) &&
		   dbm_index_count_valid(attached) == list_length(attached);
}

static void
judge_attached_index(Oid parent, Oid child, DbmProof *proof)
{
	if (could_be_valid(parent))
	{
		/* attaching it once more makes the server look again */
		proof->repeatable = true;
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE,
					  "Index %s is attached to index %s, which is not marked as valid although all "
					  "its partitions are.",
					  dbm_relation_text(child), dbm_relation_text(parent));
	}
	else
		dbm_proof_say(proof, DBM_PROOF_DONE, "Index %s is attached to index %s.",
					  dbm_relation_text(child), dbm_relation_text(parent));
}

void
dbm_proof_attach_index(const Node *node, const char *text, DbmProof *proof)
{
	const AlterTableStmt *statement = (const AlterTableStmt *) node;
	const RangeVar *name = named_partition(statement);
	Oid child = dbm_relation_find(name);
	Oid parent = dbm_relation_find(statement->relation);

	if (!OidIsValid(child) || !OidIsValid(parent))
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "There is no index %s.",
					  dbm_relation_written(OidIsValid(parent) ? name : statement->relation));
	else if (dbm_inheritance_parent(child, NULL) == parent)
		judge_attached_index(parent, child, proof);
	else
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "Index %s is not attached to index %s.",
					  dbm_relation_text(child), dbm_relation_text(parent));
}
