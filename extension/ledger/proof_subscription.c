/*
 * ledger/proof_subscription.c: subscriptions, as far as this side knows
 *
 * What the publisher keeps for them, the replication slot, is not looked at:
 * that would need a connection.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_subscription.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "ledger/proof_case.h"

/* Is it there?  publications (or NULL) gets its publications, as char *. */
static bool
find_subscription(const char *name, List **publications)
{
	Relation subscriptions = table_open(SubscriptionRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], Anum_pg_subscription_subdbid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(MyDatabaseId));
	ScanKeyInit(&keys[1], Anum_pg_subscription_subname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(name));
	scan = systable_beginscan(subscriptions, SubscriptionNameIndexId, true, NULL, 2, keys);
	tuple = systable_getnext(scan);
	if (tuple && publications)
	{
		bool isnull;
		Datum array = heap_getattr(tuple, Anum_pg_subscription_subpublications,
								   RelationGetDescr(subscriptions), &isnull);
		Datum *elements;
		int count = 0;

		if (!isnull)
			deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
							  &elements, NULL, &count);
		for (int at = 0; at < count; at++)
			*publications = lappend(*publications, TextDatumGetCString(elements[at]));
	}
	systable_endscan(scan);
	table_close(subscriptions, AccessShareLock);
	return tuple != NULL;
}

void
dbm_proof_create_subscription(const Node *node, const char *text, DbmProof *proof)
{
	const char *name = ((const CreateSubscriptionStmt *) node)->subname;

	if (find_subscription(name, NULL))
		dbm_proof_say(proof, DBM_PROOF_DONE, "Subscription %s is there.", quote_identifier(name));
	else
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE,
					  "There is no subscription %s.  Whether a replication slot for it is left on "
					  "the publisher cannot be told from here.",
					  quote_identifier(name));
}

void
dbm_proof_drop_subscription(const Node *node, const char *text, DbmProof *proof)
{
	const char *name = ((const DropSubscriptionStmt *) node)->subname;

	if (find_subscription(name, NULL))
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "Subscription %s is there.",
					  quote_identifier(name));
	else
		dbm_proof_say(proof, DBM_PROOF_DONE, "There is no subscription %s.",
					  quote_identifier(name));
}

static bool
has_publication(const List *publications, const char *name)
{
	ListCell *cell;

	foreach (cell, publications)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

/* How many of the publications that the statement names does it have? */
static int
count_named(const AlterSubscriptionStmt *statement, const List *publications)
{
	ListCell *cell;
	int count = 0;

	foreach (cell, statement->publication)
		count += has_publication(publications, strVal(lfirst(cell))) ? 1 : 0;
	return count;
}

/* Does it subscribe to what the statement wants?  Also true where that says nothing of it. */
static bool
is_as_wanted(const AlterSubscriptionStmt *statement, const List *publications)
{
	int named = list_length(statement->publication);
	int found = count_named(statement, publications);

	switch (statement->kind)
	{
		case ALTER_SUBSCRIPTION_SET_PUBLICATION:
			return found == named && list_length(publications) == named;
		case ALTER_SUBSCRIPTION_ADD_PUBLICATION:
			return found == named;
		case ALTER_SUBSCRIPTION_DROP_PUBLICATION:
			return found == 0;
		default:
			return false;
	}
}

/*
 * The list of publications changes in one transaction with the refresh.  A
 * refresh alone leaves no trace, and may run again, as may what sets options.
 */
void
dbm_proof_alter_subscription(const Node *node, const char *text, DbmProof *proof)
{
	const AlterSubscriptionStmt *statement = (const AlterSubscriptionStmt *) node;
	const char *name = quote_identifier(statement->subname);
	List *publications = NIL;

	if (!find_subscription(statement->subname, &publications))
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "There is no subscription %s.", name);
	else if (statement->publication == NIL)
	{
		proof->repeatable = true;
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE,
					  "Subscription %s is there.  Whether the statement ran the catalogs do not "
					  "show; it may run again.",
					  name);
	}
	else if (is_as_wanted(statement, publications))
		dbm_proof_say(proof, DBM_PROOF_DONE,
					  "Subscription %s has the publications that the statement wants.", name);
	else
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE,
					  "Subscription %s has other publications than the statement wants.", name);
}
