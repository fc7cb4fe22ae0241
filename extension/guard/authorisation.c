/*
 * guard/authorisation.c: the one variable that says a run is under way
 *
 * It lives and dies with the subtransaction that entered the run: whatever
 * way control takes out of it (error, exception block, cancel), the callbacks
 * cut the state back.  The name of the change is kept in the transaction's
 * memory, which lives at least as long.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "core/errors.h"
#include "guard/authorisation.h"

typedef struct Authorisation
{
	bool		inside_run;
	SubTransactionId entered_in;
	const char *change;
	int64		run;
	bool		ran_in_transaction;
	bool		outlives_commit;	/* a statement that commits as it goes */
} Authorisation;

static Authorisation authorisation;

static void
enter(const char *change, int64 run, bool outlives_commit)
{
	if (authorisation.inside_run)
		ereport(ERROR, (errcode(ERRCODE_DBM_NESTED_RUN),
						errmsg("cannot run change \"%s\" inside another change", change),
						errdetail("Change \"%s\" is being run.", authorisation.change),
						errhint("Deploy the changes one after the other.")));

	authorisation.change = MemoryContextStrdup(
		outlives_commit ? TopMemoryContext : TopTransactionContext, change);
	authorisation.outlives_commit = outlives_commit;
	authorisation.run = run;
	authorisation.entered_in = GetCurrentSubTransactionId();
	authorisation.ran_in_transaction = true;
	authorisation.inside_run = true;
}

void
dbm_guard_enter(const char *change, int64 run)
{
	enter(change, run, false);
}

void
dbm_guard_enter_step(const char *change, int64 run)
{
	enter(change, run, true);
}

void
dbm_guard_leave(void)
{
	authorisation.inside_run = false;
	authorisation.change = NULL;
	authorisation.run = 0;
	authorisation.outlives_commit = false;
	authorisation.entered_in = InvalidSubTransactionId;
}

bool
dbm_guard_inside_run(void)
{
	return authorisation.inside_run;
}

const char *
dbm_guard_current_change(void)
{
	return authorisation.change;
}

int64
dbm_guard_current_run(void)
{
	return authorisation.run;
}

/* A prepared transaction would carry the run past its gates' last look at commit. */
static void
refuse_prepare(void)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("cannot prepare a transaction in which a change was run"),
					errdetail("Changes are recorded exactly when they are applied."),
					errhint("End the transaction with COMMIT instead of PREPARE TRANSACTION.")));
}

static void
at_transaction_event(XactEvent event, void *argument)
{
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			if (authorisation.ran_in_transaction)
				refuse_prepare();
			break;
		case XACT_EVENT_COMMIT:
			if (authorisation.outlives_commit)
				break;
			/* FALLTHROUGH */
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			dbm_guard_leave();
			authorisation.ran_in_transaction = false;
			break;
		default:
			break;
	}
}

static void
at_subtransaction_event(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
						void *argument)
{
	if ((event == SUBXACT_EVENT_ABORT_SUB || event == SUBXACT_EVENT_PRE_COMMIT_SUB) &&
		authorisation.inside_run && authorisation.entered_in == mine)
		dbm_guard_leave();
}

void
dbm_guard_authorisation_init(void)
{
	RegisterXactCallback(at_transaction_event, NULL);
	RegisterSubXactCallback(at_subtransaction_event, NULL);
}
