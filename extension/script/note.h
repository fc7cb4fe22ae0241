/*
 * script/note.h: what a statement means for the steps of its script
 */
#ifndef DBM_SCRIPT_NOTE_H
#define DBM_SCRIPT_NOTE_H

#include "script/script.h"

typedef enum DbmNoteKind
{
	DBM_NOTE_SINGLE,			/* cannot run in a transaction */
	DBM_NOTE_SINGLE_IF_PARTITIONED, /* ... if the relation is partitioned */
	DBM_NOTE_SINGLE_IF_SLOT,	/* ... if the subscription has a slot */
	DBM_NOTE_SETS				/* gives a setting a value that outlasts the transaction */
} DbmNoteKind;

typedef struct DbmNote
{
	DbmNoteKind kind;
	int ordinal; /* of the statement */
	int line;
	const char *subject; /* singles: what it is, a constant */
	bool concurrently; /* singles: it could do without CONCURRENTLY */
	RangeVar *relation; /* the relation that it names, or NULL */
	const char *name; /* the subscription, or NULL */
} DbmNote;

/*
 * Judges the parse tree of a statement.  Returns true if it cannot run in a
 * transaction, or if that depends on the catalogs: kind says which.  What is
 * filled in points into the tree.
 */
extern bool dbm_not_transactional(const Node *statement, DbmNote *note);

/* Notes of a statement, in the current memory context: a list of DbmNote *. */
extern List *dbm_notes_of_statement(const RawStmt *raw, const DbmStatement *statement,
									bool calls_set_config);

/*
 * What keeps a script from being one transaction, as findings: a list of
 * DbmFinding *, in order.
 */
extern List *dbm_step_findings(const DbmScript *script);

#endif /* DBM_SCRIPT_NOTE_H */
