/*
 * ledger/blocker.c: who they are that keep a lock from a run
 */
#include "postgres.h"

#include "catalog/objectaddress.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "audit/statement_text.h"
#include "core/compat.h"
#include "ledger/blocker.h"
#include "ledger/blocker_end.h"

/* So many are recorded, and so many told of in words. */
#define MOST_RECORDED 100
#define MOST_TOLD 10

/* A statement in words is cut to this. */
#define STATEMENT_BYTES 200

/* ---- facts ---- */

/* By the rule of pg_stat_activity. */
static bool
may_see_activity(Oid role)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		   has_privs_of_role(GetUserId(), role);
}

static const char *
state_name(BackendState state)
{
	switch (state)
	{
		case STATE_IDLE:
			return "idle";
		case STATE_RUNNING:
			return "active";
		case STATE_IDLEINTRANSACTION:
			return "idle in transaction";
		case STATE_FASTPATH:
			return "fastpath function call";
		case STATE_IDLEINTRANSACTION_ABORTED:
			return "idle in transaction (aborted)";
		default:
			return NULL;
	}
}

/* Text of another session, which may be in another database and its encoding. */
static const char *
readable(const char *text)
{
	return pg_verifymbstr(text, strlen(text), true) ? text : "<in another encoding>";
}

static char *
read_statement(const PgBackendStatus *status)
{
	char *text = pgstat_clip_activity(status->st_activity_raw);
	bool secret;

	if (!pg_verifymbstr(text, strlen(text), true))
		return pstrdup("<in another encoding>");
	return dbm_statement_text(text, strlen(text), &secret);
}

static void
fill_session(DbmSession *session, const PgBackendStatus *status)
{
	session->pid = status->st_procpid;
	session->backend_start = status->st_proc_start_timestamp;
	session->type = status->st_backendType;
	session->role = status->st_userid;
	session->database = status->st_databaseid;
	session->role_name = OidIsValid(session->role) ? GetUserNameFromId(session->role, true) : NULL;
	session->application = pstrdup(readable(status->st_appname));
	session->transaction_start = status->st_xact_start_timestamp;
	session->statement_start = status->st_activity_start_timestamp;
	session->state = status->st_state;
	session->state_start = status->st_state_start_timestamp;
	session->visible = may_see_activity(session->role);
	if (session->visible)
		session->statement = read_statement(status);
}

static void
take_prepared(DbmSession *session, HeapTupleHeader row)
{
	bool is_null;

	session->prepared = TextDatumGetCString(GetAttributeByNum(row, 2, &is_null));
	session->transaction_start = DatumGetTimestampTz(GetAttributeByNum(row, 3, &is_null));
	session->role = DatumGetObjectId(GetAttributeByNum(row, 4, &is_null));
	session->role_name = GetUserNameFromId(session->role, true);
}

/* pg_prepared_xact(), which returns a row per call: transaction, name, when prepared, owner. */
static void
fill_prepared(DbmSession *session, TransactionId number)
{
	LOCAL_FCINFO(fcinfo, 0);
	FmgrInfo function;
	ReturnSetInfo result = {.type = T_ReturnSetInfo, .allowedModes = SFRM_ValuePerCall};

	result.econtext = CreateStandaloneExprContext();
	fmgr_info(F_PG_PREPARED_XACT, &function);
	InitFunctionCallInfoData(*fcinfo, &function, 0, InvalidOid, NULL, (Node *) &result);
	for (;;)
	{
		Datum row;
		bool is_null;

		fcinfo->isnull = false;
		result.isDone = ExprSingleResult;
		row = FunctionCallInvoke(fcinfo);
		if (result.isDone != ExprMultipleResult)
			break;
		if (DatumGetTransactionId(GetAttributeByNum(DatumGetHeapTupleHeader(row), 1, &is_null)) ==
			number)
			take_prepared(session, DatumGetHeapTupleHeader(row));
	}
	FreeExprContext(result.econtext, true);
}

/*
 * Is it one that came only when we had gone?  The lock table is read a moment
 * after the waiting has ended, and short statements come and go.
 */
static bool
is_newcomer(const DbmSession *session, TimestampTz ended)
{
	return session->statement_start > ended &&
		   (session->transaction_start == 0 || session->transaction_start > ended);
}

/* Returns false for one that is gone, or was not in the way. */
static bool
fill(DbmSession *session, const DbmBlocker *blocker, TimestampTz ended)
{
	memset(session, 0, sizeof(DbmSession));
	if (blocker->pid == 0)
	{
		fill_prepared(session, blocker->prepared);
		return session->prepared != NULL;
	}
	if (blocker->activity == NULL)
		return false;
	fill_session(session, blocker->activity);
	return !is_newcomer(session, ended);
}

static char *
describe_object(const LOCKTAG *tag)
{
	ObjectAddress address;
	StringInfoData text;

	if (tag->locktag_type == LOCKTAG_OBJECT)
		ObjectAddressSet(address, tag->locktag_field2, tag->locktag_field3);
	else
		ObjectAddressSet(address, RelationRelationId, tag->locktag_field2);
	if ((tag->locktag_type <= LOCKTAG_TUPLE && tag->locktag_type != LOCKTAG_DATABASE_FROZEN_IDS) ||
		tag->locktag_type == LOCKTAG_OBJECT)
	{
		char *identity = getObjectIdentity(&address, true);

		if (identity)
			return psprintf("%s%s %s", tag->locktag_type == LOCKTAG_TUPLE ? "a row of " : "",
							getObjectTypeDescription(&address, true), identity);
	}
	initStringInfo(&text);
	DescribeLockTag(&text, tag);
	return text.data;
}

/* ---- as JSON ---- */

static void
add_key(StringInfo json, const char *key)
{
	appendStringInfo(json, "%s\"%s\": ", json->data[json->len - 1] == '{' ? "" : ", ", key);
}

static void
add_text(StringInfo json, const char *key, const char *value)
{
	add_key(json, key);
	if (value)
		escape_json(json, value);
	else
		appendStringInfoString(json, "null");
}

static void
add_time(StringInfo json, const char *key, TimestampTz value)
{
	char buffer[MAXDATELEN + 1];

	add_text(json, key,
			 value ? JsonEncodeDateTime(buffer, TimestampTzGetDatum(value), TIMESTAMPTZOID, NULL)
				   : NULL);
}

static const char *
mode_name(const LOCKTAG *tag, LOCKMODE mode)
{
	return mode == NoLock ? NULL : GetLockmodeName(tag->locktag_lockmethodid, mode);
}

static void
add_json(StringInfo json, const DbmBlocker *blocker, const DbmSession *session, const char *ended)
{
	appendStringInfoString(json, json->len > 1 ? ", {" : "{");
	if (session->prepared)
		add_text(json, "prepared_transaction", session->prepared);
	else
	{
		add_key(json, "pid");
		appendStringInfo(json, "%d", session->pid);
		add_text(json, "backend_type", GetBackendTypeDesc(session->type));
		add_text(json, "application_name", session->application);
	}
	add_text(json, "role", session->role_name);
	add_text(json, "object", describe_object(&blocker->tag));
	add_text(json, "wanted", mode_name(&blocker->tag, blocker->wanted));
	add_text(json, "held", mode_name(&blocker->tag, blocker->held));
	add_text(json, "awaited", mode_name(&blocker->tag, blocker->awaited));
	add_time(json, "transaction_start", session->transaction_start);
	if (session->prepared == NULL)
	{
		add_text(json, "state", session->visible ? state_name(session->state) : NULL);
		add_time(json, "state_start", session->visible ? session->state_start : 0);
		add_text(json, "query", session->visible ? session->statement : "<insufficient privilege>");
	}
	if (ended)
		add_text(json, "ended", ended);
	appendStringInfoChar(json, '}');
}

/* ---- in words ---- */

static void
append_age(StringInfo text, TimestampTz since)
{
	double seconds = (double) Max(0, GetCurrentTimestamp() - since) / USECS_PER_SEC;

	if (seconds < 120)
		appendStringInfo(text, "%.1f s", seconds);
	else if (seconds < 7200)
		appendStringInfo(text, "%.0f min", seconds / 60);
	else
		appendStringInfo(text, "%.1f h", seconds / 3600);
}

/* In one line. */
static void
append_statement(StringInfo text, const char *statement)
{
	int length = pg_mbcliplen(statement, strlen(statement), STATEMENT_BYTES);

	appendStringInfoString(text, ": ");
	for (int at = 0; at < length; at++)
		appendStringInfoChar(text, isspace((unsigned char) statement[at]) ? ' ' : statement[at]);
	if (statement[length])
		appendStringInfoString(text, "...");
}

static void
append_who(StringInfo text, const DbmSession *session)
{
	if (session->prepared)
		appendStringInfo(text, "Prepared transaction \"%s\"", session->prepared);
	else if (session->type == B_BACKEND)
		appendStringInfo(text, "Process %d", session->pid);
	else
		appendStringInfo(text, "Process %d (%s)", session->pid, GetBackendTypeDesc(session->type));
	if (session->role_name)
		appendStringInfo(text, ", role \"%s\"", session->role_name);
	if (session->application && session->application[0])
		appendStringInfo(text, ", application \"%s\"", session->application);
}

static void
append_lock(StringInfo text, const DbmBlocker *blocker)
{
	const char *object = describe_object(&blocker->tag);

	if (blocker->held != NoLock)
		appendStringInfo(text, ", holds %s on %s", mode_name(&blocker->tag, blocker->held), object);
	else
		appendStringInfo(text, ", waits%s for %s on %s",
						 blocker->wanted == NoLock ? "" : " before this change",
						 mode_name(&blocker->tag, blocker->awaited), object);
}

static void
append_words(StringInfo text, const DbmBlocker *blocker, const DbmSession *session,
			 const char *ended)
{
	if (text->len > 0)
		appendStringInfoChar(text, '\n');
	append_who(text, session);
	append_lock(text, blocker);
	if (session->transaction_start)
	{
		appendStringInfoString(text, session->prepared ? ", prepared " : ", in transaction for ");
		append_age(text, session->transaction_start);
		appendStringInfoString(text, session->prepared ? " ago" : "");
	}
	if (ended)
		appendStringInfo(text, ", %s", ended);
	if (session->prepared)
		appendStringInfoChar(text, '.');
	else if (!session->visible)
		appendStringInfoString(text, ": <insufficient privilege>");
	else
	{
		if (state_name(session->state))
			appendStringInfo(text, ", %s", state_name(session->state));
		append_statement(text, session->statement);
	}
}

/* ---- all of them ---- */

static Jsonb *
examine(const DbmLockWait *wait, const DbmEvent *run, StringInfo words)
{
	StringInfoData json;
	ListCell *cell;
	int count = 0;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	foreach (cell, wait->blockers)
	{
		const DbmBlocker *blocker = lfirst(cell);
		DbmSession session;
		const char *ended = NULL;

		if (count == MOST_RECORDED)
			break;
		if (!fill(&session, blocker, wait->ended))
			continue;
		if (run)
			ended = dbm_blocker_end(wait, blocker, &session, describe_object(&blocker->tag), run);
		add_json(&json, blocker, &session, ended);
		if (words && count < MOST_TOLD)
			append_words(words, blocker, &session, ended);
		count++;
	}
	if (words && count > MOST_TOLD)
		appendStringInfo(words, "\nand %d more", count - MOST_TOLD);
	appendStringInfoChar(&json, ']');
	if (count == 0)
		return NULL;
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

Jsonb *
dbm_blockers_examine(const DbmLockWait *wait, const DbmEvent *run, char **description)
{
	StringInfoData words;
	Jsonb *blockers;

	initStringInfo(&words);
	blockers = examine(wait, run, &words);
	*description = blockers ? words.data : NULL;
	return blockers;
}

Jsonb *
dbm_blockers_look_at(const DbmLockWait *wait)
{
	return examine(wait, NULL, NULL);
}
