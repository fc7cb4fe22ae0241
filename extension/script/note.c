/*
 * script/note.c: what a statement means for the steps of its script
 */
#include "postgres.h"

#include "script/note.h"

/* SET and RESET of what outlasts the transaction. */
static bool
sets(const Node *statement)
{
	const VariableSetStmt *set = (const VariableSetStmt *) statement;

	return IsA(statement, VariableSetStmt) && !set->is_local;
}

static void
add_note(List **notes, const DbmStatement *statement, DbmNote *note)
{
	DbmNote *kept = palloc(sizeof(DbmNote));

	*kept = *note;
	kept->ordinal = statement->ordinal;
	kept->line = statement->line;
	kept->relation = note->relation ? copyObject(note->relation) : NULL;
	kept->name = note->name ? pstrdup(note->name) : NULL;
	*notes = lappend(*notes, kept);
}

List *
dbm_notes_of_statement(const RawStmt *raw, const DbmStatement *statement, bool calls_set_config)
{
	List *notes = NIL;
	DbmNote note = {0};

	if (dbm_not_transactional(raw->stmt, &note))
		add_note(&notes, statement, &note);
	else if (sets(raw->stmt) || (calls_set_config && IsA(raw->stmt, SelectStmt)))
	{
		note.kind = DBM_NOTE_SETS;
		add_note(&notes, statement, &note);
	}
	return notes;
}
