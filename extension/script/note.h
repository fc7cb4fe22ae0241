/*
 * script/note.h: what a statement means for the steps of its script
 *
 * Notes are taken while the script is read, when each parse tree is at hand;
 * the steps are cut by them later, and as often as somebody asks.
 */
#ifndef DBM_SCRIPT_NOTE_H
#define DBM_SCRIPT_NOTE_H

#include "script/script.h"

typedef enum DbmNoteKind
{
	DBM_NOTE_SINGLE, /* cannot run in a transaction */
	DBM_NOTE_SINGLE_IF_PARTITIONED, /* ... if the relation is partitioned */
	DBM_NOTE_SINGLE_IF_SLOT, /* ... if the subscription has a slot */
	DBM_NOTE_SETS, /* gives settings values that outlast the transaction */
	DBM_NOTE_SEARCH_PATH, /* name: the list of schemas, NULL: the initial one */
	DBM_NOTE_RELATION, /* makes a relation */
	DBM_NOTE_INDEX, /* makes the index name on a relation */
	DBM_NOTE_ENUM, /* makes an enum type */
	DBM_NOTE_NEW_VALUE, /* adds the value name to an enum type */
	DBM_NOTE_SLOT, /* gives the subscription name a slot, or takes it */
	DBM_NOTE_PROCEDURE, /* makes a procedure; ends, calls: what its code does */
	DBM_NOTE_RUNS, /* DO or CALL; ends, calls: what its code does */
	DBM_NOTE_LOCK, /* takes an advisory lock of the session */
	DBM_NOTE_UNLOCK /* gives one back */
} DbmNoteKind;

typedef struct DbmNote
{
	DbmNoteKind kind;
	int ordinal; /* of the statement */
	int line;
	const char *subject; /* singles, RUNS: what it is */
	List *objects; /* of RangeVar *: relations, type or procedure that it names */
	const char *name;
	bool partitioned; /* RELATION */
	bool temporary; /* RELATION */
	bool slot; /* SLOT: it has one from now on */
	bool local; /* SEARCH_PATH: for the transaction alone */
	bool ends; /* the code ends transactions */
	List *calls; /* of RangeVar *: the procedures it calls */
} DbmNote;

/* Functions that a statement calls by name, as bits. */
#define DBM_CALLS_SET_CONFIG (1 << 0)
#define DBM_CALLS_LOCK (1 << 1)
#define DBM_CALLS_UNLOCK (1 << 2)

/* The bit of a name, or 0. */
extern unsigned dbm_note_call(const char *name);

/*
 * Judges the parse tree of a statement.  Returns true if it cannot run in a
 * transaction, or if that depends on the catalogs: kind says which, subject
 * what it is.  What is filled in may point into the tree.
 */
extern bool dbm_not_transactional(const Node *statement, DbmNote *note);

/*
 * Takes the notes of a statement, in the current memory context: a list of
 * DbmNote *.
 */
extern List *dbm_notes_of_statement(const RawStmt *raw, const DbmStatement *statement,
									unsigned calls);

/* The last note of this kind before a statement about that name, or NULL. */
extern const DbmNote *dbm_note_find(const DbmScript *script, DbmNoteKind kind, int before,
									const RangeVar *object);

#endif /* DBM_SCRIPT_NOTE_H */
