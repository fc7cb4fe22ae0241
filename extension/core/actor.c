/*
 * core/actor.c: who is asking
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

#include "core/actor.h"
#include "core/compat.h"

/*
 * Asks the SQL functions rather than MyProcPort, whose header needs those of
 * Kerberos on some systems.
 */
static char *
client_address(void)
{
	LOCAL_FCINFO(call, 0);
	Datum address;
	Datum port;

	InitFunctionCallInfoData(*call, NULL, 0, InvalidOid, NULL, NULL);
	address = inet_client_addr(call);
	if (call->isnull)
		return pstrdup("local");
	port = inet_client_port(call);
	return psprintf("%s:%d", DatumGetCString(DirectFunctionCall1(inet_out, address)),
					call->isnull ? 0 : DatumGetInt32(port));
}

void
dbm_actor_get(DbmActor *actor)
{
	actor->authenticated = GetAuthenticatedUserId();
	actor->session = GetSessionUserId();
	actor->current = GetUserId();
	actor->authenticated_name = GetUserNameFromId(actor->authenticated, true);
	actor->session_name = GetUserNameFromId(actor->session, true);
	actor->current_name = GetUserNameFromId(actor->current, true);
	actor->system_user = dbm_system_user();
	actor->client_address = client_address();
	actor->application_name = pstrdup(application_name ? application_name : "");
	actor->pid = MyProcPid;
	actor->backend_start = MyStartTimestamp;
}
