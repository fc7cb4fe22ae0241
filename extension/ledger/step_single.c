/*
 * ledger/step_single.c: a statement that cannot run in a transaction
 *
 * It may stand for many: a concurrent build for each partition.  First the
 * intent is committed, then a worker runs the statement, then its outcome is
 * committed.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "core/errors.h"
#include "ledger/step.h"
#include "ledger/step_order.h"
#include "ledger/step_part.h"
#include "ledger/step_parts.h"
#include "ledger/step_single.h"
#include "ledger/tables.h"

/* ---- one part ---- */

static void
must(DbmStepRun *steps, DbmStepWork work, void *part)
{
	ErrorData *failure = dbm_step_attempt(steps, work, part);

	if (failure)
		dbm_step_fail(steps, failure);
}

/*
 * The last step ends the run in the transaction in which it is recorded.  If the
 * end is refused, because the schema is not as it should be, the step is done
 * all the same.
 */
static void
must_but_end(DbmStepRun *steps, DbmStepWork work, void *part)
{
	ErrorData *failure = dbm_step_attempt(steps, work, part);

	if (failure == NULL)
		return;
	if (steps->ending)
	{
		steps->open_end = true;
		must(steps, work, part);
		/* nor was it a statement that failed */
		steps->current = NULL;
		failure->context = NULL;
	}
	dbm_step_fail(steps, failure);
}

static void
launch(DbmStepRun *steps, DbmPart *part)
{
	dbm_step_commit(steps);
	dbm_step_launch(&part->order, &part->answer);
	must_but_end(steps, dbm_part_conclude, part);
	dbm_step_commit(steps);
}

static void
intend_cleanup(DbmStepRun *steps, void *argument)
{
	DbmPart *part = argument;

	part->before = part->after;
	dbm_part_intend_cleanup(steps, part);
}

static void
look_after_cleanup(DbmStepRun *steps, void *argument)
{
	DbmPart *part = argument;

	dbm_part_prove(steps, part, &part->after);
	steps->left_behind = part->after.verdict == DBM_PROOF_PARTIAL;
}

/*
 * What a failed statement has left, such as an invalid index, costs every
 * write: it goes at once, unless it was stopped because somebody is in a hurry.
 */
static void
clean_up(DbmStepRun *steps, DbmPart *part)
{
	ErrorData *error = part->error;
	bool clean = part->action != DBM_PART_CLEANUP &&
				 ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_OPERATOR_INTERVENTION;

	while (clean && dbm_part_has_remains(part))
	{
		must(steps, intend_cleanup, part);
		launch(steps, part);
		clean = part->error == NULL;
		if (clean)
			must(steps, look_after_cleanup, part);
	}
	dbm_step_fail(steps, error);
}

static void
take_part_by_worker(DbmStepRun *steps, DbmPart *part)
{
	TimestampTz began = GetCurrentTimestamp();
	int attempt = 0;

	for (;;)
	{
		must_but_end(steps, dbm_part_look, part);
		if (part->action == DBM_PART_NOTHING)
		{
			dbm_step_commit(steps);
			return;
		}
		launch(steps, part);
		if (part->error && !dbm_step_try_again(++attempt, began, part->error))
			clean_up(steps, part);
		if (!part->error && part->action != DBM_PART_CLEANUP)
			return;
		steps->left_behind = steps->unknown = false;
	}
}

/* A part that is a transaction: its row is committed with it. */
static void
run_in_transaction(DbmStepRun *steps, void *argument)
{
	DbmPart *part = argument;
	DbmRow *row = dbm_part_row(steps, part->number);
	bool planned = dbm_step_is(row, "planned");

	dbm_row_set(row, DBM_RUN_STEP_STARTED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_step_write(row);
	dbm_part_prove(steps, part, &part->before);
	if (!planned || part->before.verdict != DBM_PROOF_DONE)
	{
		DbmScriptRules rules = {.name = steps->run.change, .rollback = steps->run.rollback};
		DbmScript *script = dbm_script_read(part->text, strlen(part->text), &rules);
		DbmExecution execution = {.script = script};

		if (part->before.verdict != DBM_PROOF_DONE)
		{
			script->statements[0].ordinal = steps->current->first;
			script->statements[0].line = dbm_part_statement(steps)->line;
			dbm_step_execute(steps, &execution);
			execution.ndone = 0;
			dbm_run_write_execution(steps->run.id, &execution, &steps->objects);
			dbm_part_prove(steps, part, &part->before);
		}
	}
	dbm_part_conclude_row(steps, part->number, "done", part->before.evidence, NULL);
	if (part->last)
		dbm_part_complete_step(steps, part);
}

/* Does what may have to wait for a lock. */
static void
persist(DbmStepRun *steps, DbmStepWork work, void *argument)
{
	TimestampTz began = GetCurrentTimestamp();
	ErrorData *failure;

	for (int attempt = 1; (failure = dbm_step_attempt(steps, work, argument)) != NULL; attempt++)
	{
		if (!dbm_step_try_again(attempt, began, failure))
			dbm_step_fail(steps, failure);
	}
}

static void
take_part_by_transaction(DbmStepRun *steps, DbmPart *part)
{
	persist(steps, run_in_transaction, part);
	dbm_step_commit(steps);
}

/* ---- the step ---- */

static void
write_part(DbmStepRun *steps, int number, const DbmStepPart *part)
{
	DbmRow *row = dbm_step_row(steps->run.id, steps->current, number, steps->run.script);

	dbm_row_set_text(row, DBM_RUN_STEP_KIND, part->single ? "single" : "transaction");
	dbm_part_set_statement(row, part->text);
	dbm_step_write(row);
}

/* kept: texts of the parts that were asked for before, or NIL. */
static List *
ask_for_parts(DbmStepRun *steps, const List *kept)
{
	const DbmStatement *statement = dbm_part_statement(steps);
	DbmStepPart *whole = palloc0(sizeof(DbmStepPart));
	DbmExecution execution;
	DbmExecutionPlace place;
	RawStmt *raw;
	List *parts;

	whole->single = true;
	whole->text = pnstrdup(steps->run.script->text + statement->start, statement->length);
	dbm_part_begin_execution(steps, &execution, &place);
	raw = dbm_step_parse(whole->text);
	parts = kept ? dbm_step_parts_left(raw, whole->text, kept) : dbm_step_parts(raw, whole->text);
	dbm_execution_leave(&place);
	return parts ? parts : list_make1(whole);
}

static bool
is_among(List *parts, const char *text)
{
	ListCell *cell;

	foreach (cell, parts)
	{
		if (strcmp(((DbmStepPart *) lfirst(cell))->text, text) == 0)
			return true;
	}
	return false;
}

/* Is it on record, and still to be done; or done, and so it stands? */
static bool
is_on_record(DbmStepRun *steps, const List *known, const DbmStepPart *part)
{
	bool found = false;
	int number = 0;
	DbmPart again = {.text = part->text};
	ListCell *cell;

	foreach (cell, known)
	{
		number++;
		if (strcmp(lfirst(cell), part->text) != 0)
			continue;
		found = true;
		if (!dbm_step_part_is_done(steps->run.id, steps->current, number))
			return true;
	}
	if (!found)
		return false;
	again.raw = dbm_step_parse(again.text);
	dbm_part_prove(steps, &again, &again.before);
	return again.before.verdict == DBM_PROOF_DONE;
}

/*
 * A resumed step of many parts: partitions have come and gone.  What is not
 * asked for any more is settled; what is new comes last, and so does what was
 * done and has to be done once more.
 */
static void
expand_again(DbmStepRun *steps)
{
	List *known = dbm_part_known_texts(steps);
	List *parts = ask_for_parts(steps, known);
	int number = 0;
	ListCell *cell;

	foreach (cell, known)
	{
		number++;
		if (!is_among(parts, lfirst(cell)) &&
			!dbm_step_part_is_done(steps->run.id, steps->current, number))
			dbm_part_conclude_row(steps, number, "done", "It is not needed any more.", NULL);
	}
	foreach (cell, parts)
	{
		if (!is_on_record(steps, known, lfirst(cell)))
			write_part(steps, ++number, lfirst(cell));
	}
}

/* What it stands for depends on the catalog of that moment, and is kept. */
static void
expand(DbmStepRun *steps, void *argument)
{
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	ItemPointerData tid;
	int number = 0;
	ListCell *cell;

	if (!dbm_part_row(steps, 1)->nulls[DBM_RUN_STEP_STATEMENT])
	{
		if (dbm_step_find(steps->run.id, steps->current->ordinal, 2, row, &tid))
			expand_again(steps);
		return;
	}
	foreach (cell, ask_for_parts(steps, NIL))
		write_part(steps, ++number, lfirst(cell));
}

/* Those that are not done. */
static List *
read_parts(const DbmStepRun *steps)
{
	List *parts = NIL;
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	ItemPointerData tid;
	int number = 1;
	ListCell *cell;

	for (; dbm_step_find(steps->run.id, steps->current->ordinal, number, row, &tid); number++)
	{
		DbmPart *part;

		if (dbm_step_part_is_done(steps->run.id, steps->current, number))
			continue;
		part = palloc0(sizeof(DbmPart));
		part->number = number;
		part->single = strcmp(dbm_row_text(row, DBM_RUN_STEP_KIND), "single") == 0;
		part->text = dbm_row_text(row, DBM_RUN_STEP_STATEMENT);
		part->raw = dbm_step_parse(part->text);
		parts = lappend(parts, part);
	}
	foreach (cell, parts)
	{
		((DbmPart *) lfirst(cell))->expanded = number > 2;
		((DbmPart *) lfirst(cell))->last = lfirst(cell) == llast(parts);
	}
	return parts;
}

/* All that was left of it is not needed any more. */
static void
complete(DbmStepRun *steps, void *argument)
{
	DbmPart none = {.expanded = true};

	dbm_part_complete_step(steps, &none);
}

void
dbm_step_take_single(DbmStepRun *steps)
{
	DbmScriptPlace place;
	List *parts;
	ListCell *cell;

	dbm_script_place_begin(&place, steps->run.script, dbm_part_statement(steps));
	persist(steps, expand, NULL);
	parts = read_parts(steps);
	foreach (cell, parts)
	{
		DbmPart *part = lfirst(cell);

		CHECK_FOR_INTERRUPTS();
		if (part->single)
			take_part_by_worker(steps, part);
		else
		{
			/* its own text has a place of its own */
			dbm_script_place_end(&place);
			take_part_by_transaction(steps, part);
			dbm_script_place_begin(&place, steps->run.script, dbm_part_statement(steps));
		}
	}
	if (parts == NIL)
	{
		must(steps, complete, NULL);
		dbm_step_commit(steps);
	}
	dbm_script_place_end(&place);
}
