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
#include "utils/snapmgr.h"

#include "core/compat.h"
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

static void
fire_all(void)
{
	set_constraints(false);
	immediate_in = dbm_local_transaction_id();
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
