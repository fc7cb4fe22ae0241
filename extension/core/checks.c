/*
 * core/checks.c: the CHECK constraints of our tables, read once
 *
 * The planned expressions are kept until the relation cache entry changes.
 * Writers run copies: an invalidation may come while they are at work.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/checks.h"
#include "core/compat.h"

typedef struct RelationChecks
{
	Oid relation;				/* hash key, first */
	MemoryContext memory;
	Expr **expressions;			/* in the order of the relation's own */
} RelationChecks;

static HTAB *known = NULL;

/* Counts invalidations, so that one which arrives while we read is not lost. */
static uint64 invalidations = 0;

static void
forget(RelationChecks *checks)
{
	MemoryContext memory = checks->memory;

	(void) hash_search(known, &checks->relation, HASH_REMOVE, NULL);
	MemoryContextDelete(memory);
}

static void
forget_relation(Datum argument, Oid relation)
{
	HASH_SEQ_STATUS status;
	RelationChecks *checks;

	invalidations++;
	if (known == NULL)
		return;
	if (OidIsValid(relation))
	{
		checks = hash_search(known, &relation, HASH_FIND, NULL);
		if (checks)
			forget(checks);
		return;
	}
	hash_seq_init(&status, known);
	while ((checks = hash_seq_search(&status)) != NULL)
		forget(checks);
}

static Expr **
read_expressions(TupleConstr *constraints)
{
	Expr **expressions = palloc(sizeof(Expr *) * constraints->num_check);

	for (int at = 0; at < constraints->num_check; at++)
		expressions[at] = expression_planner(stringToNode(constraints->check[at].ccbin));
	return expressions;
}

/* Keeps the expressions for the next writer, unless the relation has changed meanwhile. */
static Expr **
read_checks(Relation relation)
{
	uint64 invalidations_before = invalidations;
	Oid oid = RelationGetRelid(relation);
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "dbmaestro checks",
												 ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(memory);
	Expr **expressions = read_expressions(RelationGetDescr(relation)->constr);
	RelationChecks *checks;

	MemoryContextSwitchTo(caller);
	if (invalidations != invalidations_before)
		return expressions;
	if (known == NULL)
	{
		HASHCTL control = {.keysize = sizeof(Oid),
						   .entrysize = sizeof(RelationChecks),
						   .hcxt = CacheMemoryContext};

		known = hash_create("dbmaestro checks", 16, &control,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	checks = hash_search(known, &oid, HASH_ENTER, NULL);
	checks->memory = memory;
	checks->expressions = expressions;
	MemoryContextSetParent(memory, CacheMemoryContext);
	return expressions;
}

void
dbm_checks_prepare(ResultRelInfo *result, EState *estate)
{
	Relation relation = result->ri_RelationDesc;
	TupleConstr *constraints = RelationGetDescr(relation)->constr;
	Oid oid = RelationGetRelid(relation);
	RelationChecks *checks;
	Expr **expressions;
	Expr **copies;
	ExprState **states;
	MemoryContext caller;

	/* what is not as it should be, ExecConstraints has the words for */
	if (constraints == NULL || constraints->num_check == 0 ||
		constraints->num_check != relation->rd_rel->relchecks)
		return;
	caller = MemoryContextSwitchTo(estate->es_query_cxt);
	checks = known ? hash_search(known, &oid, HASH_FIND, NULL) : NULL;
	expressions = checks ? checks->expressions : read_checks(relation);
	copies = palloc(sizeof(Expr *) * constraints->num_check);
	/* all at once: preparing them may let an invalidation in */
	for (int at = 0; at < constraints->num_check; at++)
		copies[at] = copyObject(expressions[at]);
	states = palloc(sizeof(ExprState *) * constraints->num_check);
	for (int at = 0; at < constraints->num_check; at++)
		states[at] = ExecInitExpr(copies[at], NULL);
	dbm_check_states(result) = states;
	MemoryContextSwitchTo(caller);
}

void
dbm_checks_init(void)
{
	CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
}
