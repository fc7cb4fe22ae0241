/*
 * audit/event.h: the table audit_event, one row per thing worth remembering
 */
#ifndef DBM_AUDIT_EVENT_H
#define DBM_AUDIT_EVENT_H

#include "core/table.h"

/* Texts longer than this are cut; their length and SHA-256 are kept. */
#define DBM_AUDIT_TEXT_LIMIT (64 * 1024)

extern const DbmTable dbm_audit_event_table;

/* What an event says; fields that do not apply stay NULL or 0. */
typedef struct DbmEvent
{
	const char *kind;			/* denied, refused, observed, run, setting, grant, guard, ... */
	const char *action;			/* command tag, function or setting: ALTER TABLE, dbm_apply */
	const char *object_kind;	/* table, function, role ... */
	const char *object;			/* identity, as getObjectIdentity prints it */
	const char *statement;		/* text of the statement; cut here, never by the caller */
	int			statement_length;	/* -1: up to the terminator */
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

/* Records the event durably, whatever becomes of the transaction. */
extern void dbm_event_record_durably(const DbmEvent *event);

#endif							/* DBM_AUDIT_EVENT_H */
