/*
 * script/steps.c: cutting a script into transactions and single statements
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "core/compat.h"
#include "script/finding.h"
#include "script/lookup.h"
#include "script/new_value.h"
#include "script/note.h"
#include "script/parse.h"
#include "script/steps.h"
#include "script/temporary_use.h"

typedef struct Cutter
{
	const DbmScript *script;
	List *steps;
	List *findings; /* why it is not one transaction, and what never runs */
	int next; /* ordinal of the first statement that is in no step yet */
	const char *reason; /* for the step that begins there */
	const char *session_path; /* search_path as the script has set it; NULL: it has not */
	const char *local_path; /* the same until the end of the group */
	DbmValueWatch watch;
	int last_value; /* ordinal of the last statement that adds a pending value */
} Cutter;

static void
add_finding(Cutter *cutter, DbmFindingKind kind, int ordinal, const char *subject)
{
	DbmFinding *finding = palloc(sizeof(DbmFinding));

	finding->kind = kind;
	finding->ordinal = ordinal;
	finding->line = cutter->script->statements[ordinal - 1].line;
	finding->subject = subject;
	cutter->findings = lappend(cutter->findings, finding);
}

static void
add_step(Cutter *cutter, int last, const char *subject)
{
	DbmStep *step = palloc0(sizeof(DbmStep));

	step->ordinal = list_length(cutter->steps) + 1;
	step->single = subject != NULL;
	step->first = cutter->next;
	step->last = last;
	step->subject = subject;
	step->reason = cutter->reason;
	cutter->steps = lappend(cutter->steps, step);
	cutter->next = last + 1;
	cutter->reason = NULL;
	cutter->local_path = NULL;
}

/* Ends the group before this statement, if there is one. */
static void
end_group(Cutter *cutter, int before)
{
	if (cutter->next < before)
		add_step(cutter, before - 1, NULL);
}

/* ---- what statements mean ---- */

static const char *
path_in_force(const Cutter *cutter)
{
	return cutter->local_path ? cutter->local_path : cutter->session_path;
}

/* The relation of that name that the script makes above a statement, or NULL. */
static const DbmNote *
find_made(const DbmScript *script, int before, const RangeVar *relation)
{
	const DbmNote *made = dbm_note_find(script, DBM_NOTE_RELATION, before, relation);
	ListCell *cell;

	foreach (cell, script->notes)
	{
		const DbmNote *index = lfirst(cell);

		if (made || index->ordinal >= before)
			break;
		if (index->kind == DBM_NOTE_INDEX && strcmp(index->name, relation->relname) == 0)
			made = dbm_note_find(script, DBM_NOTE_RELATION, index->ordinal,
								 linitial(index->objects));
	}
	return made;
}

/* An index that the script makes on a table of the catalogs is partitioned with it. */
static bool
is_index_on_partitioned(const Cutter *cutter, int before, const RangeVar *relation)
{
	ListCell *cell;

	foreach (cell, cutter->script->notes)
	{
		const DbmNote *index = lfirst(cell);

		if (index->ordinal < before && index->kind == DBM_NOTE_INDEX &&
			strcmp(index->name, relation->relname) == 0 &&
			dbm_lookup_is_partitioned(linitial(index->objects), path_in_force(cutter)))
			return true;
	}
	return false;
}

static bool
is_partitioned(const Cutter *cutter, const DbmNote *note)
{
	const RangeVar *relation = linitial(note->objects);
	const DbmNote *made = find_made(cutter->script, note->ordinal, relation);

	if (made)
		return made->partitioned;
	return dbm_lookup_is_partitioned(relation, path_in_force(cutter)) ||
		   is_index_on_partitioned(cutter, note->ordinal, relation);
}

static bool
has_slot(const Cutter *cutter, const DbmNote *note)
{
	const DbmNote *last = NULL;
	ListCell *cell;

	foreach (cell, cutter->script->notes)
	{
		const DbmNote *other = lfirst(cell);

		if (other->kind == DBM_NOTE_SLOT && other->ordinal < note->ordinal &&
			strcmp(other->name, note->name) == 0)
			last = other;
	}
	return last ? last->slot : dbm_lookup_has_slot(note->name);
}

/* Does the transaction that adds the value make its type, and is that enough? */
static bool
is_usable_at_once(const Cutter *cutter, const DbmNote *note)
{
	const DbmNote *made = NULL;

	if (DBM_USES_VALUES_OF_NEW_TYPES && note->objects)
		made = dbm_note_find(cutter->script, DBM_NOTE_ENUM, note->ordinal, linitial(note->objects));
	return made && made->ordinal >= cutter->next;
}

/* The temporary relation among those that a single statement names, or NULL. */
static const char *
find_temporary(const Cutter *cutter, const DbmNote *note)
{
	ListCell *cell;

	foreach (cell, note->objects)
	{
		const RangeVar *relation = lfirst(cell);
		const DbmNote *made = find_made(cutter->script, note->ordinal, relation);

		if (made && made->temporary &&
			(relation->schemaname == NULL || strcmp(relation->schemaname, "pg_temp") == 0))
			return relation->relname;
	}
	return NULL;
}

/* ---- cutting ---- */

static void
forget_values(Cutter *cutter)
{
	cutter->watch.pending = NIL;
	cutter->watch.hidden = NIL;
}

static void
cut_single(Cutter *cutter, const DbmNote *note)
{
	const char *temporary = find_temporary(cutter, note);

	add_finding(cutter,
				cutter->script->one_transaction ? DBM_FINDING_ONE_TRANSACTION : DBM_FINDING_SINGLE,
				note->ordinal, note->subject);
	if (temporary)
		add_finding(cutter, DBM_FINDING_TEMPORARY, note->ordinal,
					psprintf("%s on temporary \"%s\"", note->subject, temporary));
	end_group(cutter, note->ordinal);
	cutter->reason = psprintf("%s cannot run inside a transaction", note->subject);
	add_step(cutter, note->ordinal, note->subject);
	cutter->reason = psprintf("%s at line %d stands alone", note->subject, note->line);
	forget_values(cutter);
}

/*
 * Behind the last statement that adds a value, and not right before the use:
 * what is left if the rest fails is a value that nobody uses.
 */
static void
cut_before_use(Cutter *cutter, const DbmNote *value, const DbmStatement *use)
{
	add_finding(cutter, DBM_FINDING_NEW_VALUE, use->ordinal,
				psprintf("ALTER TYPE ... ADD VALUE '%s' and what may use it", value->name));
	end_group(cutter, cutter->last_value + 1);
	cutter->reason = psprintf("value '%s', added at line %d, may be used at line %d", value->name,
							  value->line, use->line);
	forget_values(cutter);
}

static void
set_path(Cutter *cutter, const DbmNote *note)
{
	if (!note->local)
		cutter->session_path = note->name;
	cutter->local_path = note->local ? note->name : NULL;
}

static void
cut_at_note(Cutter *cutter, const DbmNote *note)
{
	switch (note->kind)
	{
		case DBM_NOTE_SINGLE:
			cut_single(cutter, note);
			break;
		case DBM_NOTE_SINGLE_IF_PARTITIONED:
			if (is_partitioned(cutter, note))
				cut_single(cutter, note);
			break;
		case DBM_NOTE_SINGLE_IF_SLOT:
			if (has_slot(cutter, note))
				cut_single(cutter, note);
			break;
		case DBM_NOTE_SEARCH_PATH:
			set_path(cutter, note);
			break;
		case DBM_NOTE_NEW_VALUE:
			/* in a script that asks for one transaction the server decides */
			if (cutter->script->one_transaction || is_usable_at_once(cutter, note))
				break;
			cutter->watch.pending = lappend(cutter->watch.pending, unconstify(DbmNote *, note));
			cutter->last_value = note->ordinal;
			break;
		case DBM_NOTE_RUNS:
			if (dbm_lookup_ends_transaction(cutter->script, note, path_in_force(cutter)))
				add_finding(cutter, DBM_FINDING_ENDS_TRANSACTION, note->ordinal, note->subject);
			break;
		default:
			break;
	}
}

/* ---- locks ---- */

static bool
is_given_back(const DbmScript *script, const DbmNote *lock, const DbmStep *step)
{
	ListCell *cell;

	foreach (cell, script->notes)
	{
		const DbmNote *note = lfirst(cell);

		if (note->kind == DBM_NOTE_UNLOCK && note->ordinal > lock->ordinal &&
			note->ordinal <= step->last)
			return true;
	}
	return false;
}

/* Locks that were to be held while later steps run: each run of a step gives them back. */
static void
find_locks(Cutter *cutter)
{
	ListCell *cell;
	ListCell *step_cell;

	foreach (cell, cutter->script->notes)
	{
		const DbmNote *note = lfirst(cell);

		if (note->kind != DBM_NOTE_LOCK)
			continue;
		foreach (step_cell, cutter->steps)
		{
			const DbmStep *step = lfirst(step_cell);

			if (step != llast(cutter->steps) && step->first <= note->ordinal &&
				note->ordinal <= step->last && !is_given_back(cutter->script, note, step))
				add_finding(cutter, DBM_FINDING_LOCK, note->ordinal,
							"an advisory lock of the session");
		}
	}
}

/* ---- temporary relations ---- */

static bool
makes_temporary(const DbmScript *script)
{
	ListCell *cell;

	foreach (cell, script->notes)
	{
		const DbmNote *note = lfirst(cell);

		if (note->kind == DBM_NOTE_RELATION && note->temporary)
			return true;
	}
	return false;
}

/* Uses of temporary relations that went with the step that made them. */
static void
find_temporary_uses(Cutter *cutter)
{
	ListCell *cell;

	if (list_length(cutter->steps) < 2 || !makes_temporary(cutter->script))
		return;
	foreach (cell, cutter->steps)
	{
		const DbmStep *step = lfirst(cell);

		for (int at = step->first; at <= step->last && !step->single; at++)
		{
			const DbmStatement *statement = &cutter->script->statements[at - 1];
			const char *used = dbm_temporary_used(cutter->script, statement, step->first);

			CHECK_FOR_INTERRUPTS();
			if (used)
				add_finding(cutter, DBM_FINDING_TEMPORARY_GONE, at,
							psprintf("what uses temporary \"%s\" of an earlier step", used));
		}
	}
}

static void
cut(Cutter *cutter, const DbmScript *script)
{
	ListCell *note = list_head(script->notes);
	int level = dbm_script_silence();

	memset(cutter, 0, sizeof(Cutter));
	cutter->script = cutter->watch.script = script;
	cutter->next = 1;
	for (int at = 0; at < script->nstatements && (note || cutter->watch.pending); at++)
	{
		const DbmStatement *statement = &script->statements[at];
		const DbmNote *used;

		CHECK_FOR_INTERRUPTS();
		used = dbm_value_used(&cutter->watch, statement);
		if (used)
			cut_before_use(cutter, used, statement);
		for (; note && ((DbmNote *) lfirst(note))->ordinal == statement->ordinal;
			 note = lnext(script->notes, note))
			cut_at_note(cutter, lfirst(note));
	}
	end_group(cutter, script->nstatements + 1);
	find_locks(cutter);
	find_temporary_uses(cutter);
	AtEOXact_GUC(false, level);
}

List *
dbm_script_steps(const DbmScript *script)
{
	Cutter cutter;

	cut(&cutter, script);
	return cutter.steps;
}

bool
dbm_script_needs_steps(const DbmScript *script)
{
	List *steps = dbm_script_steps(script);

	return list_length(steps) > 1 || (steps && ((DbmStep *) linitial(steps))->single);
}

List *
dbm_step_findings(const DbmScript *script)
{
	Cutter cutter;

	cut(&cutter, script);
	return cutter.findings;
}

List *
dbm_script_settings(const DbmScript *script, int before_statement)
{
	List *statements = NIL;
	ListCell *cell;

	foreach (cell, script->notes)
	{
		const DbmNote *note = lfirst(cell);

		if (note->kind == DBM_NOTE_SETS && note->ordinal < before_statement)
			statements = lappend(statements, &script->statements[note->ordinal - 1]);
	}
	return statements;
}
