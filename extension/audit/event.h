/*
 * audit/event.h: the table audit_event, one row per thing worth remembering
 */
#ifndef DBM_AUDIT_EVENT_H
#define DBM_AUDIT_EVENT_H

#include "core/table.h"

/* Texts longer than this are cut; their length and SHA-256 are kept. */
#define DBM_AUDIT_TEXT_LIMIT (64 * 1024)

extern const DbmTable dbm_audit_event_table;

typedef enum DbmEventColumn
{
	DBM_EVENT_ID,
	DBM_EVENT_EVENT_ID,
	DBM_EVENT_AT,
	DBM_EVENT_KIND,
	DBM_EVENT_ACTION,
	DBM_EVENT_OBJECT_KIND,
	DBM_EVENT_OBJECT,
	DBM_EVENT_STATEMENT,
	DBM_EVENT_STATEMENT_LENGTH,
	DBM_EVENT_STATEMENT_DIGEST,
	DBM_EVENT_CHANGE,
	DBM_EVENT_RUN,
	DBM_EVENT_DEPLOYMENT,
	DBM_EVENT_ENVIRONMENT,
	DBM_EVENT_SQLSTATE,
	DBM_EVENT_MESSAGE,
	DBM_EVENT_DETAIL,
	DBM_EVENT_HINT,
	DBM_EVENT_AUTHENTICATED_ROLE,
	DBM_EVENT_AUTHENTICATED_OID,
	DBM_EVENT_SESSION_ROLE,
	DBM_EVENT_SESSION_OID,
	DBM_EVENT_CURRENT_ROLE_NAME,
	DBM_EVENT_CURRENT_OID,
	DBM_EVENT_SYSTEM_USER_NAME,
	DBM_EVENT_CLIENT_ADDRESS,
	DBM_EVENT_APPLICATION_NAME,
	DBM_EVENT_BACKEND_PID,
	DBM_EVENT_BACKEND_START,
	DBM_EVENT_TRANSACTION_ID,
	DBM_EVENT_COLUMNS
} DbmEventColumn;

/* What an event says; fields that do not apply stay NULL or 0. */
typedef struct DbmEvent
{
	const char *kind;			/* one of those that audit_event_kind_check lists */
	const char *action;			/* command tag, function or setting: ALTER TABLE, dbm_apply */
	const char *object_kind;	/* table, function, role ... */
	const char *object;			/* identity, as getObjectIdentity prints it */
	const char *statement;		/* text of the statement; cut here, never by the caller */
	int			statement_length;	/* 0 or less: up to the terminator */
	const char *change;
	int64		run;
	int64		deployment;
	int			sqlstate;		/* encoded, 0 for none */
	const char *message;
	const char *detail;
	const char *hint;
} DbmEvent;

/* Builds the row (id, time, actor and environment included), palloc'd. */
extern DbmRow *dbm_event_row(const DbmEvent *event);

/* Records the event in the current transaction: it stands or falls with it. */
extern void dbm_event_record(const DbmEvent *event);

/*
 * Records the event durably, whatever becomes of the transaction.  In a
 * PG_CATCH only inside dbm_audit_call, which has read beforehand what the row
 * needs from the catalogs.
 */
extern void dbm_event_record_durably(const DbmEvent *event);

#endif							/* DBM_AUDIT_EVENT_H */
