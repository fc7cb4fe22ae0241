/*
 * ledger/step_proof.c: what the catalogs prove about a statement that cannot
 * run in a transaction
 *
 * A row for each kind of statement; the first that applies has the say.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/inval.h"

#include "ledger/proof_case.h"

typedef struct ProofCase
{
	NodeTag tag;
	bool (*applies)(const Node *node); /* NULL: always */
	void (*prove)(const Node *node, const char *text, DbmProof *proof);
} ProofCase;

static bool
drops_indexes(const Node *node)
{
	return ((const DropStmt *) node)->removeType == OBJECT_INDEX;
}

/* The one subcommand of this kind that stands alone in ALTER TABLE or INDEX. */
static bool
has_command(const Node *node, AlterTableType subtype)
{
	const AlterTableStmt *alter = (const AlterTableStmt *) node;

	return list_length(alter->cmds) == 1 &&
		   linitial_node(AlterTableCmd, alter->cmds)->subtype == subtype;
}

static bool
detaches(const Node *node)
{
	return has_command(node, AT_DetachPartition) || has_command(node, AT_DetachPartitionFinalize);
}

static bool
attaches_index(const Node *node)
{
	return ((const AlterTableStmt *) node)->objtype == OBJECT_INDEX &&
		   has_command(node, AT_AttachPartition);
}

/* Leaves no trace, and may run as often as you like. */
static void
prove_repeatable(const Node *node, const char *text, DbmProof *proof)
{
	proof->repeatable = true;
	dbm_proof_say(proof, DBM_PROOF_NOT_DONE,
				  "The catalogs do not show whether it ran; it may run again.");
}

static const ProofCase cases[] = {
	{T_IndexStmt, NULL, dbm_proof_create_index},
	{T_DropStmt, drops_indexes, dbm_proof_drop_index},
	{T_ReindexStmt, NULL, dbm_proof_reindex},
	{T_AlterTableStmt, detaches, dbm_proof_detach},
	{T_AlterTableStmt, attaches_index, dbm_proof_attach_index},
	{T_VacuumStmt, NULL, prove_repeatable},
	{T_ClusterStmt, NULL, prove_repeatable},
	{T_AlterSystemStmt, NULL, dbm_proof_alter_system},
	{T_CreatedbStmt, NULL, dbm_proof_create_database},
	{T_DropdbStmt, NULL, dbm_proof_drop_database},
	{T_AlterDatabaseStmt, NULL, dbm_proof_move_database},
	{T_CreateTableSpaceStmt, NULL, dbm_proof_create_tablespace},
	{T_DropTableSpaceStmt, NULL, dbm_proof_drop_tablespace},
	{T_CreateSubscriptionStmt, NULL, dbm_proof_create_subscription},
	{T_AlterSubscriptionStmt, NULL, dbm_proof_alter_subscription},
	{T_DropSubscriptionStmt, NULL, dbm_proof_drop_subscription},
};

void
dbm_proof_say(DbmProof *proof, DbmProofVerdict verdict, const char *format, ...)
{
	StringInfoData evidence;
	int needed;

	proof->verdict = verdict;
	initStringInfo(&evidence);
	do
	{
		va_list arguments;

		va_start(arguments, format);
		needed = appendStringInfoVA(&evidence, format, arguments);
		va_end(arguments);
		if (needed > 0)
			enlargeStringInfo(&evidence, needed);
	} while (needed > 0);
	proof->evidence = evidence.data;
}

void
dbm_step_prove(const RawStmt *statement, const char *text, DbmProof *proof)
{
	memset(proof, 0, sizeof(DbmProof));
	/* what others have committed until this moment is to count */
	AcceptInvalidationMessages();
	for (int row = 0; row < lengthof(cases); row++)
	{
		if (cases[row].tag != nodeTag(statement->stmt))
			continue;
		if (cases[row].applies && !cases[row].applies(statement->stmt))
			continue;
		cases[row].prove(statement->stmt, text, proof);
		return;
	}
	dbm_proof_say(proof, DBM_PROOF_UNKNOWN,
				  "Nothing in the catalogs tells whether this statement ran.");
}

const char *
dbm_proof_verdict_name(DbmProofVerdict verdict)
{
	static const char *const names[] = {"done", "not done", "partial", "unknown"};

	return names[verdict];
}
