/*
 * ledger/commit.c: what let a run in must still hold when it is committed
 *
 * Between dbm_apply and COMMIT of the same transaction lies whatever time the
 * client takes; a capability that was revoked meanwhile must count.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "audit/event.h"
#include "core/errors.h"
#include "core/installed.h"
#include "ledger/commit.h"
#include "ledger/transaction.h"

/* Runs of one subtransaction by the same people with the same right: the last of them. */
typedef struct Expectation
{
	SubTransactionId subtransaction;
	DbmCapability capability;
	Oid authenticated;
	Oid current;
	const char *act;			/* constant */
	const char *change;
} Expectation;

/* In TopTransactionContext. */
static List *expectations = NIL;

static Expectation *
find_expectation(DbmCapability capability)
{
	ListCell *cell;

	foreach (cell, expectations)
	{
		Expectation *expectation = lfirst(cell);

		if (expectation->subtransaction == GetCurrentSubTransactionId() &&
			expectation->capability == capability &&
			expectation->authenticated == GetAuthenticatedUserId() &&
			expectation->current == GetUserId())
			return expectation;
	}
	return NULL;
}

void
dbm_commit_expect(DbmCapability capability, const char *act, const char *change)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	Expectation *expectation = find_expectation(capability);

	if (expectation == NULL)
	{
		expectation = palloc0(sizeof(Expectation));
		expectation->subtransaction = GetCurrentSubTransactionId();
		expectation->capability = capability;
		expectation->authenticated = GetAuthenticatedUserId();
		expectation->current = GetUserId();
		expectations = lappend(expectations, expectation);
	}
	expectation->act = act;
	expectation->change = change ? pstrdup(change) : NULL;
	MemoryContextSwitchTo(caller);
}

/* The sentence that speaks against the commit, or NULL. */
static const char *
find_objection(const Expectation *expectation, int *code)
{
	const DbmEnvironment *facts = dbm_environment();
	Oid lacking = InvalidOid;

	if (!dbm_capability_has(expectation->authenticated, expectation->capability))
		lacking = expectation->authenticated;
	else if (!dbm_capability_has(expectation->current, expectation->capability))
		lacking = expectation->current;
	*code = ERRCODE_DBM_CAPABILITY;
	if (OidIsValid(lacking))
	{
		char *name = GetUserNameFromId(lacking, true);

		return psprintf("Role \"%s\" does not have the capability \"%s\" any more.",
						name ? name : "", dbm_capability_name(expectation->capability));
	}
	*code = ERRCODE_DBM_DETACHED;
	if (!facts->initialised || facts->identity == DBM_IDENTITY_DETACHED ||
		facts->identity == DBM_IDENTITY_UNBOUND)
		return "The database is not attached any more.";
	return NULL;
}

static void
refuse(const Expectation *expectation, int code, const char *objection)
{
	DbmEvent event = {
		.kind = "refused",
		.action = "COMMIT",
		.change = expectation->change,
		.statement_length = -1,
		.sqlstate = code,
		.message = expectation->change
					   ? psprintf("cannot commit the run of change \"%s\"", expectation->change)
					   : psprintf("cannot commit what %s did", expectation->act),
		.detail = objection,
		.hint = psprintf("Nothing was changed.  Ask an administrator of dbmaestro, then call %s "
						 "again.",
						 expectation->act),
	};

	dbm_event_record_durably(&event);
	ereport(ERROR, (errcode(code), errmsg_internal("%s", event.message),
					errdetail_internal("%s", event.detail), errhint("%s", event.hint)));
}

static void
ask_again(void)
{
	ListCell *cell;

	AcceptInvalidationMessages();
	foreach (cell, expectations)
	{
		const Expectation *expectation = lfirst(cell);
		int code;
		const char *objection = find_objection(expectation, &code);

		if (objection)
			refuse(expectation, code, objection);
	}
	/* the session may have chosen otherwise since the run */
	dbm_transaction_force_synchronous();
}

static void
at_transaction_event(XactEvent event, void *argument)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			if (expectations)
				ask_again();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			expectations = NIL;
			break;
		default:
			break;
	}
}

static void
at_subtransaction_event(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
						void *argument)
{
	ListCell *cell;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	foreach (cell, expectations)
	{
		Expectation *expectation = lfirst(cell);

		if (expectation->subtransaction != mine)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			expectation->subtransaction = parent;
		else
			expectations = foreach_delete_current(expectations, cell);
	}
}

void
dbm_commit_init(void)
{
	RegisterXactCallback(at_transaction_event, NULL);
	RegisterSubXactCallback(at_subtransaction_event, NULL);
}
