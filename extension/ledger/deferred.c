/*
 * ledger/deferred.c: deferred triggers and constraints around a run
 *
 * The server fires deferred events at commit only, and as whoever commits; the
 * one other moment it knows is SET CONSTRAINTS ALL IMMEDIATE.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
#include "storage/proc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "core/errors.h"
#include "ledger/deferrable.h"
#include "ledger/deferred.h"

/* The transaction in which we have made all constraints immediate. */
static LocalTransactionId immediate_in = InvalidLocalTransactionId;

static void
set_constraints(bool deferred)
{
	ConstraintsSetStmt *statement = makeNode(ConstraintsSetStmt);

	statement->constraints = NIL;
	statement->deferred = deferred;
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	AfterTriggerSetState(statement);
	PopActiveSnapshot();
}

/* A table with events that are still queued, or InvalidOid. */
static Oid
find_pending_table(void)
{
	ListCell *cell;

	foreach (cell, dbm_deferrable_tables())
	{
		if (AfterTriggerPendingOnRel(lfirst_oid(cell)))
			return lfirst_oid(cell);
	}
	return InvalidOid;
}

/*
 * A trigger that fires here can defer the constraints once more and queue new
 * events.  Those queued before a run would fire inside it, as its role, and
 * those of a run at the commit, as whoever deploys, who may be a superuser.
 */
static void
require_none_pending(void)
{
	Oid table = find_pending_table();

	if (OidIsValid(table))
		ereport(ERROR, (errcode(ERRCODE_DBM_SCRIPT_REFUSED),
						errmsg("deferred triggers on table \"%s\" were put off again",
							   get_rel_name(table)),
						errdetail("A trigger that fired deferred the constraints anew; what it "
								  "queued would fire as another role."),
						errhint("Take SET CONSTRAINTS ... DEFERRED out of the trigger function.")));
}

static void
fire_all(void)
{
	set_constraints(false);
	immediate_in = dbm_local_transaction_id();
	require_none_pending();
}

static void
tell_change(void *argument)
{
	errcontext("change \"%s\", deferred triggers at its end", (const char *) argument);
}

void
dbm_deferred_fire_before(void)
{
	fire_all();
}

/*
 * There is no way back to how the constraints were declared; deferred all of
 * them, the run can do no less than it could as the first of its transaction.
 */
void
dbm_deferred_begin(void)
{
	if (immediate_in == dbm_local_transaction_id())
		set_constraints(true);
}

void
dbm_deferred_fire(const char *change)
{
	ErrorContextCallback context = {
		.previous = error_context_stack,
		.callback = tell_change,
		.arg = unconstify(char *, change),
	};

	error_context_stack = &context;
	fire_all();
	error_context_stack = context.previous;
}
