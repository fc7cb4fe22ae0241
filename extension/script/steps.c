/*
 * script/steps.c: cutting a script into transactions and single statements
 */
#include "postgres.h"

#include "script/finding.h"
#include "script/note.h"
#include "script/steps.h"

typedef struct Cutter
{
	const DbmScript *script;
	List *steps;
	int next; /* ordinal of the first statement that is in no step yet */
	const char *reason; /* for the step that begins there */
} Cutter;

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
}

/* Ends the group before this statement, if there is one. */
static void
end_group(Cutter *cutter, int before)
{
	if (cutter->next < before)
		add_step(cutter, before - 1, NULL);
}

static void
cut_single(Cutter *cutter, const DbmNote *note)
{
	end_group(cutter, note->ordinal);
	cutter->reason = psprintf("%s cannot run inside a transaction", note->subject);
	add_step(cutter, note->ordinal, note->subject);
	cutter->reason = psprintf("%s at line %d runs by itself", note->subject, note->line);
}

List *
dbm_script_steps(const DbmScript *script)
{
	Cutter cutter = {.script = script, .next = 1};
	ListCell *cell;

	foreach (cell, script->notes)
	{
		const DbmNote *note = lfirst(cell);

		if (note->kind == DBM_NOTE_SINGLE)
			cut_single(&cutter, note);
	}
	end_group(&cutter, script->nstatements + 1);
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
	List *findings = NIL;
	ListCell *cell;

	foreach (cell, dbm_script_steps(script))
	{
		const DbmStep *step = lfirst(cell);
		DbmFinding *finding;

		if (!step->single)
			continue;
		finding = palloc0(sizeof(DbmFinding));
		finding->kind = script->one_transaction ? DBM_FINDING_ONE_TRANSACTION : DBM_FINDING_STEPS;
		finding->ordinal = step->first;
		finding->line = script->statements[step->first - 1].line;
		finding->subject = step->subject;
		findings = lappend(findings, finding);
	}
	return findings;
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
