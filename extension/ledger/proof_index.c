/*
 * ledger/proof_index.c: CREATE INDEX and DROP INDEX, with CONCURRENTLY or as
 * parts of it
 *
 * A concurrent build that ends early leaves its index behind, invalid: writers
 * keep it up to date, readers do not use it, and CREATE INDEX IF NOT EXISTS
 * takes it for the one that was asked for.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "utils/lsyscache.h"

#include "ledger/index_name.h"
#include "ledger/index_shape.h"
#include "ledger/index_state.h"
#include "ledger/inheritance.h"
#include "ledger/proof_case.h"
#include "ledger/relation_name.h"

/* What CREATE INDEX is asked for, and the index that may be it. */
typedef struct IndexQuestion
{
	const IndexStmt *statement;
	const char *text;
	Oid table;
	Oid index;
	const char *table_text;
	const char *index_text;
	DbmIndexState state;
	DbmProof *proof;
} IndexQuestion;

/* ---- CREATE INDEX ---- */

/* There, and in a good state: is it also what the statement asks for? */
static void
judge_definition(IndexQuestion *question, const char *state)
{
	DbmProof *proof = question->proof;
	const char *what = psprintf("Index %s on %s is %s", question->index_text, question->table_text,
								state);
	const char *difference;

	switch (dbm_index_shape_match(question->table, question->statement, question->text,
								  question->index, &difference))
	{
		case DBM_INDEX_SAME:
			dbm_proof_say(proof, DBM_PROOF_DONE, "%s and defined as the statement asks.", what);
			break;
		case DBM_INDEX_CANNOT_TELL:
			dbm_proof_say(proof, DBM_PROOF_DONE,
						  "%s.  Whether it is defined as the statement asks cannot be told: %s.",
						  what, difference);
			break;
		case DBM_INDEX_DIFFERS:
			/* with IF NOT EXISTS the statement asks for no more than the name */
			dbm_proof_say(proof,
						  question->statement->if_not_exists ? DBM_PROOF_DONE : DBM_PROOF_UNKNOWN,
						  "%s, but not defined as the statement asks: the difference is in the %s.",
						  what, difference);
			break;
	}
}

/* Built by nobody any more: says how to get rid of it. */
static void
judge_invalid(IndexQuestion *question)
{
	DbmProof *proof = question->proof;
	int builder = dbm_index_builder(question->table);

	if (builder != 0)
	{
		proof->at_work = builder;
		dbm_proof_say(proof, DBM_PROOF_UNKNOWN,
					  "Process %d is building an index on %s at this moment; index %s is not yet "
					  "valid.",
					  builder, question->table_text, question->index_text);
		return;
	}
	dbm_proof_say(proof, DBM_PROOF_PARTIAL, "Index %s on %s is invalid: %s.", question->index_text,
				  question->table_text,
				  !question->state.live ? "dropping it ended half way"
				  : question->state.unique
					  ? "a build ended before it was complete, as it does when rows are not unique"
					  : "a build ended before it was complete");
	if (question->state.held)
		proof->finish = psprintf("REINDEX INDEX CONCURRENTLY %s", question->index_text);
	else
		proof->cleanup = psprintf("DROP INDEX CONCURRENTLY %s", question->index_text);
}

static bool
has_foreign(List *tables)
{
	ListCell *cell;

	foreach (cell, tables)
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			return true;
	}
	return false;
}

/* The index of a partitioned table holds nothing: it is valid when all its parts are. */
static void
judge_partitioned(IndexQuestion *question)
{
	DbmProof *proof = question->proof;
	List *partitions = dbm_inheritance_children(question->table);

	if (question->state.valid || !question->statement->relation->inh)
	{
		judge_definition(question, question->state.valid ? "valid" : "there");
		return;
	}
	dbm_proof_say(proof, DBM_PROOF_PARTIAL,
				  "Index %s on partitioned table %s is not valid: %d of %d partitions have a valid "
				  "index attached to it%s.",
				  question->index_text, question->table_text,
				  dbm_index_count_valid(dbm_inheritance_children(question->index)),
				  list_length(partitions),
				  has_foreign(partitions) ? ", and a foreign table cannot have one" : "");
	/* with no partition to attach an index of, nothing will make it valid */
	if (partitions == NIL || has_foreign(partitions))
		proof->cleanup = psprintf("DROP INDEX %s", question->index_text);
}

static void
judge_index(IndexQuestion *question)
{
	question->index_text = dbm_relation_text(question->index);
	if (question->index_text == NULL)
		dbm_proof_say(question->proof, DBM_PROOF_UNKNOWN, "The index was dropped a moment ago.");
	else if (!dbm_index_state(question->index, &question->state))
		dbm_proof_say(question->proof, DBM_PROOF_UNKNOWN, "%s is a %s, not an index.",
					  question->index_text,
					  dbm_relation_kind_name(get_rel_relkind(question->index)));
	else if (question->state.table != question->table)
		dbm_proof_say(question->proof, DBM_PROOF_UNKNOWN, "Index %s is on %s, not on %s.",
					  question->index_text, dbm_relation_text(question->state.table),
					  question->table_text);
	else if (question->state.kind == RELKIND_PARTITIONED_INDEX)
		judge_partitioned(question);
	else if (question->state.valid)
		judge_definition(question, "valid");
	else
		judge_invalid(question);
}

/*
 * Without a name the server chooses one, and which it was nobody knows.  An
 * invalid index that it may have been is what is left of this statement or of
 * one like it; a valid one may have been there before.
 */
static void
judge_unnamed(IndexQuestion *question)
{
	question->index = dbm_index_name_look(question->table, question->statement, question->text);
	if (OidIsValid(question->index))
	{
		judge_index(question);
		if (question->proof->verdict == DBM_PROOF_DONE)
			question->proof->verdict = DBM_PROOF_UNKNOWN;
		question->proof->evidence = psprintf("%s  The statement leaves the name to the server.",
											 question->proof->evidence);
	}
	else
		dbm_proof_say(
			question->proof, DBM_PROOF_NOT_DONE,
			"There is no index on %s that is defined as the statement asks and has a name "
			"that the server would choose.",
			question->table_text);
}

void
dbm_proof_create_index(const Node *node, const char *text, DbmProof *proof)
{
	IndexQuestion question = {.statement = (const IndexStmt *) node, .text = text, .proof = proof};
	const IndexStmt *statement = question.statement;

	question.table = dbm_relation_find(statement->relation);
	question.table_text = dbm_relation_text(question.table);
	if (question.table_text == NULL)
	{
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "There is no table %s.",
					  dbm_relation_written(statement->relation));
		return;
	}
	if (statement->idxname == NULL)
	{
		judge_unnamed(&question);
		return;
	}
	question.index = get_relname_relid(statement->idxname, get_rel_namespace(question.table));
	if (OidIsValid(question.index))
		judge_index(&question);
	else
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "There is no index %s.",
					  dbm_index_name_text(question.table, statement->idxname));
}

/* ---- DROP INDEX ---- */

static void
judge_invalid_to_drop(const char *name, const char *table_text, const DbmIndexState *state,
					  DbmProof *proof)
{
	proof->at_work = dbm_index_builder(state->table);
	if (proof->at_work != 0)
	{
		dbm_proof_say(
			proof, DBM_PROOF_UNKNOWN,
			"Process %d is building an index on %s at this moment; index %s is not valid.",
			proof->at_work, table_text, name);
		return;
	}
	dbm_proof_say(
		proof, DBM_PROOF_PARTIAL, "Index %s on %s is there but invalid%s.", name, table_text,
		state->live ? ", as when dropping it ended half way" : ": dropping it ended half way");
	proof->finish = psprintf("DROP INDEX CONCURRENTLY %s", name);
}

static void
judge_still_there(Oid index, DbmProof *proof)
{
	const char *name = dbm_relation_text(index);
	DbmIndexState state;

	if (name == NULL)
		dbm_proof_say(proof, DBM_PROOF_DONE, "The index was dropped a moment ago.");
	else if (!dbm_index_state(index, &state))
		dbm_proof_say(proof, DBM_PROOF_UNKNOWN, "%s is a %s, not an index.", name,
					  dbm_relation_kind_name(get_rel_relkind(index)));
	else if (state.valid || state.kind == RELKIND_PARTITIONED_INDEX)
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "Index %s on %s is there%s.", name,
					  dbm_relation_text(state.table), state.valid ? " and valid" : "");
	else
		judge_invalid_to_drop(name, dbm_relation_text(state.table), &state, proof);
}

/* CONCURRENTLY takes one index only; of several, the first that is there has the say. */
void
dbm_proof_drop_index(const Node *node, const char *text, DbmProof *proof)
{
	const DropStmt *statement = (const DropStmt *) node;
	ListCell *cell;

	foreach (cell, statement->objects)
	{
		Oid index = dbm_relation_find_list(lfirst_node(List, cell));

		if (OidIsValid(index))
		{
			judge_still_there(index, proof);
			return;
		}
	}
	dbm_proof_say(proof, DBM_PROOF_DONE, "There is no index %s.",
				  NameListToQuotedString(linitial_node(List, statement->objects)));
}
