/*
 * ledger/client_gone.c: whoever waits for long looks after its client
 *
 * While a statement runs, the server finds out that its client is gone when it
 * has something to say, unless client_connection_check_interval is set.  A build
 * of hours would go on for nobody, and keep all others from deploying.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "ledger/client_gone.h"

#define LOOK_EVERY_MS 1000

/* Of libpq/libpq.h, which needs the headers of GSSAPI. */
extern bool pq_check_connection(void);

void
dbm_client_require(void)
{
	static TimestampTz looked_at = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (whereToSendOutput != DestRemote || MyProcPort == NULL || !WaitEventSetCanReportClosed() ||
		(now >= looked_at && !TimestampDifferenceExceeds(looked_at, now, LOOK_EVERY_MS)))
		return;
	looked_at = now;
	if (pq_check_connection())
		return;
	/* ProcessInterrupts() has the words for it */
	ClientConnectionLost = true;
	InterruptPending = true;
	CHECK_FOR_INTERRUPTS();
}
