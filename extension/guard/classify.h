/*
 * guard/classify.h: what a utility statement does, from its parse tree alone
 *
 * Says nothing about whether it may: that is guard/decide.h.
 */
#ifndef DBM_GUARD_CLASSIFY_H
#define DBM_GUARD_CLASSIFY_H

#include "guard/target.h"

typedef enum DbmCommandClass
{
	DBM_COMMAND_OTHER = 0,		/* data, upkeep, session: not the guard's business */
	DBM_COMMAND_SCHEMA,			/* changes the schema of this database */
	DBM_COMMAND_EVENT_TRIGGER,	/* changes event triggers, which watch the schema */
	DBM_COMMAND_CLUSTER,		/* roles, databases, tablespaces, the server's configuration */
	DBM_COMMAND_LOCK,			/* takes locks that others wait for, and does nothing else */
	DBM_COMMAND_PROTECTED_SETTING,	/* would unload the library or switch its doors off */
	DBM_COMMAND_SESSION_SWITCH	/* switches triggers off in this session */
} DbmCommandClass;

typedef struct DbmCommand
{
	const Node *tree;			/* the statement; inside EXPLAIN: the one explained */
	DbmCommandClass class;
	const char *action;			/* ALTER TABLE, EXPLAIN ANALYZE CREATE TABLE AS */
	bool		fires_events;	/* the server calls event triggers for it */
	bool		outlives_rollback;	/* works on files or settings at once */
	bool		reuses;			/* runs a statement or cursor made earlier */
	bool		holds_secret;	/* its text may hold one, under any name */
	const char *setting;		/* the one concerned; ALL of them; or NULL */
	List	   *targets;		/* of DbmTarget *; what it is about comes first */
	bool		finished;		/* it has run: the server may have rewritten the tree's inside */
	const char *text;			/* source text, or NULL */
	int			text_length;
} DbmCommand;

/*
 * Is this a statement that the guard never judges?  Cheap enough for every
 * utility statement.
 */
extern bool dbm_is_harmless(const Node *tree);

/* Describes a statement that is about to run, or one that has; looks up the objects it names. */
extern void dbm_classify(const Node *tree, DbmCommand *command);
extern void dbm_classify_finished(const Node *tree, DbmCommand *command);

/* Kind and identity of what the command is about; NULL if there is nothing to name. */
extern const char *dbm_command_object_kind(const DbmCommand *command);
extern const char *dbm_command_object(const DbmCommand *command);

/* Is all that the command is about temporary? */
extern bool dbm_command_is_temporary(const DbmCommand *command);

#endif							/* DBM_GUARD_CLASSIFY_H */
