/*
 * ledger/step_try.c: _dbm_step_try, an order to a worker that did not come from
 * a run
 *
 * It gives a worker whatever permit and statement it is handed, as code that
 * has taken over a backend could.  The worker refuses, and that is on record:
 * only the backend that deploys can have given the permit.  For tests, and for
 * whoever wants to see it.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/uuid.h"

#include "ledger/step_order.h"
#include "ledger/transaction.h"

PG_FUNCTION_INFO_V1(dbm_step_try);

static void
fill_order(FunctionCallInfo fcinfo, DbmStepOrder *order)
{
	order->head = (DbmStepHead){
		.database = MyDatabaseId,
		.run_as = GetUserId(),
		.asking = GetAuthenticatedUserId(),
		.run = PG_GETARG_INT64(0),
		.ordinal = PG_GETARG_INT32(1),
		.part = PG_GETARG_INT32(2),
		.permit = *PG_GETARG_UUID_P(3),
		.asking_start = MyStartTimestamp,
	};
	order->change = "";
	order->statement = text_to_cstring(PG_GETARG_TEXT_PP(4));
	order->settings_size = EstimateGUCStateSpace();
	order->settings = palloc0(order->settings_size);
	SerializeGUCState(order->settings_size, order->settings);
}

Datum
dbm_step_try(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	DbmStepOrder order = {.exact = true};
	DbmStepAnswer answer;

	for (int argument = 0; argument < PG_NARGS(); argument++)
	{
		if (PG_ARGISNULL(argument))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("argument must not be null")));
	}
	dbm_transaction_require_commits(fcinfo, "_dbm_step_try");
	fill_order(fcinfo, &order);
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	SPI_commit();
	MemoryContextSwitchTo(caller);
	dbm_step_launch(&order, &answer);
	SPI_finish();
	if (answer.error)
		ReThrowError(answer.error);
	PG_RETURN_VOID();
}
