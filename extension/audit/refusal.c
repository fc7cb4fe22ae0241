/*
 * audit/refusal.c: every refusal of a public function is on disk before the
 * client sees it
 */
#include "postgres.h"

#include "access/xact.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"

#include "audit/durable.h"
#include "audit/event.h"
#include "audit/origin.h"
#include "audit/refusal.h"
#include "core/errors.h"

/* One call of a public function; scripts may call them inside one another. */
typedef struct Call
{
	const char *function;
	const char *change;
	int answered;				/* SQLSTATE that the caller answers by another call; 0: none */
	DbmOrigin origin;
	struct Call *outer;
	const DbmOrigin *outer_origin;
	MemoryContext context;		/* short-lived, holds all of the above */
} Call;

static Call *current_call = NULL;

/* Is the error on its way up on record already? */
static bool is_recorded = false;

static void
forget_recorded(SubXactEvent event, SubTransactionId subtransaction, SubTransactionId parent,
				void *argument)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		is_recorded = false;
}

void
dbm_refusal_recorded(void)
{
	static bool registered = false;

	if (!registered)
		RegisterSubXactCallback(forget_recorded, NULL);
	registered = true;
	is_recorded = true;
}

void
dbm_refusal_answered(int sqlstate)
{
	if (current_call)
		current_call->answered = sqlstate;
}

void
dbm_refusal_subject(const char *change)
{
	if (current_call)
		current_call->change = change ? MemoryContextStrdup(current_call->context, change) : NULL;
}

static bool
is_refusal(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == DBM_SQLSTATE('0', '0', '0') &&
		   error->sqlerrcode != ERRCODE_DBM_DEPLOYMENT_IN_PROGRESS;
}

static void
record_refusal(const Call *call, const ErrorData *error)
{
	DbmEvent event = {
		.kind = "refused",
		.action = call->function,
		.change = call->change,
		.statement = debug_query_string,
		.sqlstate = error->sqlerrcode,
		.message = error->message,
		.detail = error->detail,
		.hint = error->hint,
	};
	DbmRow *row = dbm_event_row(&event);

	dbm_durable_write(&row, 1);
}

/*
 * Runs in a PG_CATCH: the transaction is to be aborted, but it has not been, so
 * the catalogs are out of bounds.  Our own errors are raised where no LWLock
 * is held, so waiting is allowed.
 */
static void
handle_error(Call *call)
{
	MemoryContext caller = MemoryContextSwitchTo(call->context);
	ErrorData *error;

	if (!is_recorded)
	{
		error = CopyErrorData();
		if (is_refusal(error) && error->sqlerrcode != call->answered)
		{
			call->origin.after_error = true;
			record_refusal(call, error);
			dbm_refusal_recorded();
		}
	}
	MemoryContextSwitchTo(caller);
}

static void
begin_call(Call *call, const char *function)
{
	MemoryContext caller;

	call->context = AllocSetContextCreate(CurrentMemoryContext, "dbmaestro call",
										  ALLOCSET_SMALL_SIZES);
	call->function = function;
	call->change = NULL;
	call->answered = 0;
	caller = MemoryContextSwitchTo(call->context);
	dbm_origin_read_actor(&call->origin);
	MemoryContextSwitchTo(caller);
	call->outer = current_call;
	call->outer_origin = dbm_origin_keep(&call->origin);
	current_call = call;
	is_recorded = false;
}

static void
end_call(Call *call)
{
	current_call = call->outer;
	dbm_origin_keep(call->outer_origin);
}

/* What may raise itself, as where our tables were altered: refusals too. */
static void
prepare_call(Call *call)
{
	MemoryContext caller = MemoryContextSwitchTo(call->context);

	dbm_origin_read_environment(&call->origin);
	dbm_durable_prepare();
	MemoryContextSwitchTo(caller);
}

Datum
dbm_audit_call(FunctionCallInfo fcinfo, const char *function, PGFunction body)
{
	Call call;
	Datum result;

	begin_call(&call, function);
	PG_TRY();
	{
		prepare_call(&call);
		result = body(fcinfo);
	}
	PG_CATCH();
	{
		handle_error(&call);
		end_call(&call);
		PG_RE_THROW();
	}
	PG_END_TRY();
	end_call(&call);
	MemoryContextDelete(call.context);
	return result;
}
