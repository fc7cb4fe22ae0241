/*
 * audit/event.c: the table audit_event
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "audit/durable.h"
#include "audit/event.h"
#include "audit/origin.h"
#include "audit/statement_text.h"
#include "core/digest.h"

static const DbmColumn columns[DBM_EVENT_COLUMNS] = {
	[DBM_EVENT_ID] = {"id", INT8OID},
	[DBM_EVENT_EVENT_ID] = {"event_id", UUIDOID},
	[DBM_EVENT_AT] = {"at", TIMESTAMPTZOID},
	[DBM_EVENT_KIND] = {"kind", TEXTOID},
	[DBM_EVENT_ACTION] = {"action", TEXTOID},
	[DBM_EVENT_OBJECT_KIND] = {"object_kind", TEXTOID},
	[DBM_EVENT_OBJECT] = {"object", TEXTOID},
	[DBM_EVENT_STATEMENT] = {"statement", TEXTOID},
	[DBM_EVENT_STATEMENT_LENGTH] = {"statement_length", INT8OID},
	[DBM_EVENT_STATEMENT_DIGEST] = {"statement_digest", BYTEAOID},
	[DBM_EVENT_CHANGE] = {"change", TEXTOID},
	[DBM_EVENT_RUN] = {"run", INT8OID},
	[DBM_EVENT_DEPLOYMENT] = {"deployment", INT8OID},
	[DBM_EVENT_ENVIRONMENT] = {"environment", TEXTOID},
	[DBM_EVENT_SQLSTATE] = {"sqlstate", TEXTOID},
	[DBM_EVENT_MESSAGE] = {"message", TEXTOID},
	[DBM_EVENT_DETAIL] = {"detail", TEXTOID},
	[DBM_EVENT_HINT] = {"hint", TEXTOID},
	[DBM_EVENT_AUTHENTICATED_ROLE] = {"authenticated_role", TEXTOID},
	[DBM_EVENT_AUTHENTICATED_OID] = {"authenticated_oid", OIDOID},
	[DBM_EVENT_SESSION_ROLE] = {"session_role", TEXTOID},
	[DBM_EVENT_SESSION_OID] = {"session_oid", OIDOID},
	[DBM_EVENT_CURRENT_ROLE_NAME] = {"current_role_name", TEXTOID},
	[DBM_EVENT_CURRENT_OID] = {"current_oid", OIDOID},
	[DBM_EVENT_SYSTEM_USER_NAME] = {"system_user_name", TEXTOID},
	[DBM_EVENT_CLIENT_ADDRESS] = {"client_address", TEXTOID},
	[DBM_EVENT_APPLICATION_NAME] = {"application_name", TEXTOID},
	[DBM_EVENT_BACKEND_PID] = {"backend_pid", INT4OID},
	[DBM_EVENT_BACKEND_START] = {"backend_start", TIMESTAMPTZOID},
	[DBM_EVENT_TRANSACTION_ID] = {"transaction_id", INT8OID},
};

const DbmTable dbm_audit_event_table = {
	.name = "audit_event",
	.columns = columns,
	.ncolumns = DBM_EVENT_COLUMNS,
	.primary_key = "audit_event_pkey",
	.sequence = "audit_event_id_seq",
};

/* A random UUID, version 4. */
static pg_uuid_t *
make_uuid(void)
{
	pg_uuid_t *uuid = palloc(sizeof(pg_uuid_t));

	if (!pg_strong_random(uuid->data, UUID_LEN))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
	uuid->data[6] = (uuid->data[6] & 0x0f) | 0x40;
	uuid->data[8] = (uuid->data[8] & 0x3f) | 0x80;
	return uuid;
}

/* Texts that a client had a hand in are cut like statements. */
static void
set_cut_text(DbmRow *row, int column, const char *text)
{
	bool secret;

	if (text)
		dbm_row_set_text(row, column, dbm_statement_text(text, strlen(text), &secret));
}

/* The digest of a text that holds a password would let one guess it. */
static void
set_statement(DbmRow *row, const DbmEvent *event)
{
	uint8 digest[DBM_DIGEST_LENGTH];
	bool secret;
	int length;

	if (event->statement == NULL)
		return;
	/* 0 stands for "not said" too, so that callers can leave it out */
	length = event->statement_length > 0 ? event->statement_length : strlen(event->statement);
	dbm_row_set_text(row, DBM_EVENT_STATEMENT,
					 dbm_statement_text(event->statement, length, &secret));
	dbm_row_set_int64(row, DBM_EVENT_STATEMENT_LENGTH, length);
	if (secret)
		return;
	dbm_digest_of(event->statement, length, digest);
	dbm_row_set_digest(row, DBM_EVENT_STATEMENT_DIGEST, digest);
}

static void
set_origin(DbmRow *row)
{
	DbmOrigin origin;
	DbmActor *actor = &origin.actor;

	dbm_origin_get(&origin);
	dbm_row_set_text(row, DBM_EVENT_ENVIRONMENT, origin.environment);
	dbm_row_set_text(row, DBM_EVENT_AUTHENTICATED_ROLE, actor->authenticated_name);
	dbm_row_set(row, DBM_EVENT_AUTHENTICATED_OID, ObjectIdGetDatum(actor->authenticated));
	dbm_row_set_text(row, DBM_EVENT_SESSION_ROLE, actor->session_name);
	dbm_row_set(row, DBM_EVENT_SESSION_OID, ObjectIdGetDatum(actor->session));
	dbm_row_set_text(row, DBM_EVENT_CURRENT_ROLE_NAME, actor->current_name);
	dbm_row_set(row, DBM_EVENT_CURRENT_OID, ObjectIdGetDatum(actor->current));
	dbm_row_set_text(row, DBM_EVENT_SYSTEM_USER_NAME, actor->system_user);
	dbm_row_set_text(row, DBM_EVENT_CLIENT_ADDRESS, actor->client_address);
	dbm_row_set_text(row, DBM_EVENT_APPLICATION_NAME, actor->application_name);
	dbm_row_set(row, DBM_EVENT_BACKEND_PID, Int32GetDatum(actor->pid));
	dbm_row_set(row, DBM_EVENT_BACKEND_START, TimestampTzGetDatum(actor->backend_start));
}

static void
set_transaction(DbmRow *row, FullTransactionId transaction)
{
	if (FullTransactionIdIsValid(transaction))
		dbm_row_set_int64(row, DBM_EVENT_TRANSACTION_ID,
						  (int64) U64FromFullTransactionId(transaction));
}

DbmRow *
dbm_event_row(const DbmEvent *event)
{
	DbmRow *row = dbm_row_make(&dbm_audit_event_table);

	dbm_row_set(row, DBM_EVENT_EVENT_ID, UUIDPGetDatum(make_uuid()));
	dbm_row_set(row, DBM_EVENT_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_text(row, DBM_EVENT_KIND, event->kind);
	dbm_row_set_text(row, DBM_EVENT_ACTION, event->action);
	dbm_row_set_text(row, DBM_EVENT_OBJECT_KIND, event->object_kind);
	set_cut_text(row, DBM_EVENT_OBJECT, event->object);
	set_statement(row, event);
	set_cut_text(row, DBM_EVENT_CHANGE, event->change);
	if (event->run != 0)
		dbm_row_set_int64(row, DBM_EVENT_RUN, event->run);
	if (event->deployment != 0)
		dbm_row_set_int64(row, DBM_EVENT_DEPLOYMENT, event->deployment);
	if (event->sqlstate != 0)
		dbm_row_set_text(row, DBM_EVENT_SQLSTATE, unpack_sql_state(event->sqlstate));
	set_cut_text(row, DBM_EVENT_MESSAGE, event->message);
	set_cut_text(row, DBM_EVENT_DETAIL, event->detail);
	set_cut_text(row, DBM_EVENT_HINT, event->hint);
	set_origin(row);
	/* never assigns a number: a refused transaction may be one that only reads */
	set_transaction(row, GetTopFullTransactionIdIfAny());
	return row;
}

void
dbm_event_record(const DbmEvent *event)
{
	DbmRow *row = dbm_event_row(event);

	dbm_row_set_int64(row, DBM_EVENT_ID, dbm_table_next_id(&dbm_audit_event_table));
	/* about to write, so it gets a number anyway */
	set_transaction(row, GetTopFullTransactionId());
	dbm_table_insert(row);
}

void
dbm_event_record_durably(const DbmEvent *event)
{
	DbmRow *row;

	if (!dbm_origin_is_kept())
		dbm_durable_prepare();
	row = dbm_event_row(event);
	dbm_durable_write(&row, 1);
}
