/*
 * ledger/step_single.c: a statement that cannot run in a transaction
 *
 * First the intent is committed, with a permit for a worker and what the
 * catalog says.  Then the worker runs the statement, and what has come of it is
 * taken from the catalog again: the worker's word counts only where the catalog
 * cannot tell.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "parser/parser.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "audit/event.h"
#include "core/digest.h"
#include "core/errors.h"
#include "core/settings.h"
#include "ledger/step.h"
#include "ledger/step_order.h"
#include "ledger/step_parts.h"
#include "ledger/step_proof.h"
#include "ledger/step_single.h"
#include "ledger/tables.h"

/* More things than that are not in the way of one statement. */
#define MOST_CLEANUPS 20

typedef enum Action
{
	ACTION_NOTHING,				/* it is done */
	ACTION_RUN,
	ACTION_CLEANUP,				/* run what removes the remains, then look again */
	ACTION_FINISH				/* run what completes it */
} Action;

/* One statement on its way: the step's own, or a part of what it stands for. */
typedef struct Part
{
	int			number;
	bool		last;			/* of the step */
	bool		single;
	bool		expanded;		/* not the statement of the script itself */
	const char *text;
	RawStmt	   *raw;

	/* this attempt */
	Action		action;
	int			cleanups;		/* that were tried */
	DbmProof	before;
	DbmStepOrder order;			/* what is run now */
	DbmStepAnswer answer;
	DbmProof	after;
	ErrorData  *error;			/* that ends the run; or NULL */
} Part;

static const DbmStatement *
current_statement(const DbmStepRun *steps)
{
	return &steps->run.script->statements[steps->current->first - 1];
}

/* ---- looking at the catalog, as the statement would ---- */

static void
begin_execution(DbmStepRun *steps, DbmExecution *execution, DbmExecutionPlace *place)
{
	memset(execution, 0, sizeof(DbmExecution));
	execution->run_as = steps->run.execution.run_as;
	execution->settings = dbm_script_settings(steps->run.script, steps->current->first);
	execution->settings_script = steps->run.script;
	/* it waits for old transactions by design, and one that gives up leaves an invalid index */
	execution->patient = steps->current->subject &&
		strstr(steps->current->subject, "CONCURRENTLY") != NULL;
	dbm_execution_enter(execution, place);
}

static void
prove(DbmStepRun *steps, Part *part, DbmProof *proof)
{
	DbmExecution execution;
	DbmExecutionPlace place;

	begin_execution(steps, &execution, &place);
	dbm_step_prove(part->raw, part->text, proof);
	dbm_execution_leave(&place);
}

/* The role and the settings that are in force for the statement. */
static void
order_settings(DbmStepRun *steps, DbmStepOrder *order)
{
	DbmExecution execution;
	DbmExecutionPlace place;

	begin_execution(steps, &execution, &place);
	order->settings_size = EstimateGUCStateSpace();
	order->settings = palloc0(order->settings_size);
	SerializeGUCState(order->settings_size, order->settings);
	order->head.run_as = steps->run.execution.ran_as = execution.ran_as;
	dbm_execution_leave(&place);
}

/* ---- what is to be done ---- */

static void
refuse_unknown(const DbmStepRun *steps, const Part *part)
{
	const char *change = quote_literal_cstr(steps->run.change);

	ereport(ERROR,
			(errcode(ERRCODE_DBM_STEP),
			 errmsg("nobody knows whether step %d of change \"%s\" was done",
					steps->current->ordinal, steps->run.change),
			 errdetail("It was interrupted.  %s", part->before.evidence),
			 errhint("See for yourself, then run CALL dbm_resume(%s, interrupted => 'done'); or "
					 "CALL dbm_resume(%s, interrupted => 'again');",
					 change, change)));
}

/* The catalog cannot tell: was the permit taken, and what does a person say? */
static Action
decide_unknown(DbmStepRun *steps, Part *part, DbmRow *row)
{
	const char *word = steps->interrupted;

	if (!dbm_step_is(row, "running") && !dbm_step_is(row, "interrupted"))
		return ACTION_RUN;
	if (word == NULL)
		refuse_unknown(steps, part);
	/* one word is for one step */
	steps->interrupted = NULL;
	if (strcmp(word, "again") == 0)
		return ACTION_RUN;
	dbm_row_set_text(row, DBM_RUN_STEP_STATE, "adopted");
	part->before.evidence = psprintf("Role \"%s\" said that it was done.",
									 GetUserNameFromId(GetAuthenticatedUserId(), true));
	return ACTION_NOTHING;
}

static void
refuse_remains(const DbmStepRun *steps, const Part *part)
{
	ereport(ERROR, (errcode(ERRCODE_DBM_STEP),
					errmsg("step %d of change \"%s\" cannot run", steps->current->ordinal,
						   steps->run.change),
					errdetail_internal("%s", part->before.evidence),
					errhint("Remove what is there, then run: CALL dbm_resume(%s);",
							quote_literal_cstr(steps->run.change))));
}

static Action
decide(DbmStepRun *steps, Part *part, DbmRow *row)
{
	bool first_time = dbm_step_is(row, "planned");

	switch (part->before.verdict)
	{
		case DBM_PROOF_DONE:
			/* of a name that is taken the server itself says what it thinks */
			if (first_time && !part->expanded)
				return ACTION_RUN;
			dbm_row_set_text(row, DBM_RUN_STEP_STATE, "done");
			return ACTION_NOTHING;
		case DBM_PROOF_PARTIAL:
			if (part->before.cleanup && part->cleanups++ < MOST_CLEANUPS)
				return ACTION_CLEANUP;
			if (part->before.finish)
				return ACTION_FINISH;
			refuse_remains(steps, part);
			break;
		case DBM_PROOF_UNKNOWN:
			return decide_unknown(steps, part, row);
		case DBM_PROOF_NOT_DONE:
			break;
	}
	return ACTION_RUN;
}

/* ---- rows ---- */

static DbmRow *
read_row(const DbmStepRun *steps, int number)
{
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	ItemPointerData tid;

	if (!dbm_step_find(steps->run.id, steps->current->ordinal, number, row, &tid))
		row = dbm_step_row(steps->run.id, steps->current, number, steps->run.script);
	return row;
}

static void
set_statement(DbmRow *row, const char *text)
{
	uint8 digest[DBM_DIGEST_LENGTH];

	dbm_digest_of(text, strlen(text), digest);
	dbm_row_set_text(row, DBM_RUN_STEP_STATEMENT, text);
	dbm_row_set_digest(row, DBM_RUN_STEP_DIGEST, digest);
}

static pg_uuid_t
make_permit(void)
{
	pg_uuid_t permit;

	if (!pg_strong_random(permit.data, UUID_LEN))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
	permit.data[6] = (permit.data[6] & 0x0f) | 0x40;
	permit.data[8] = (permit.data[8] & 0x3f) | 0x80;
	return permit;
}

/* Writes down what is going to be run, with the permit for it. */
static void
intend(DbmStepRun *steps, Part *part, int number, const char *kind, const char *text)
{
	DbmRow *row = read_row(steps, number);
	DbmStepHead *head = &part->order.head;
	TimestampTz now = GetCurrentTimestamp();

	for (int column = DBM_RUN_STEP_WORKER_PID; column <= DBM_RUN_STEP_EVIDENCE; column++)
		row->nulls[column] = true;
	*head = (DbmStepHead){
		.database = MyDatabaseId,
		.asking = GetAuthenticatedUserId(),
		.run = steps->run.id,
		.ordinal = steps->current->ordinal,
		.part = number,
		.permit = make_permit(),
		.asking_start = MyStartTimestamp,
	};
	part->order.change = steps->run.change;
	part->order.statement = text;
	part->order.exact = strlen(text) == current_statement(steps)->length &&
						memcmp(text, steps->run.script->text + current_statement(steps)->start,
							   strlen(text)) == 0;
	order_settings(steps, &part->order);
	dbm_row_set_text(row, DBM_RUN_STEP_KIND, kind);
	set_statement(row, text);
	dbm_row_set_text(row, DBM_RUN_STEP_STATE, "intended");
	dbm_row_set(row, DBM_RUN_STEP_PERMIT, UUIDPGetDatum(&head->permit));
	dbm_row_set(row, DBM_RUN_STEP_EXPIRES_AT,
				TimestampTzGetDatum(TimestampTzPlusMilliseconds(
					now, dbm_setting_milliseconds(DBM_SETTING_PERMIT_EXPIRY))));
	dbm_row_set(row, DBM_RUN_STEP_BACKEND_PID, Int32GetDatum(MyProcPid));
	dbm_row_set(row, DBM_RUN_STEP_BACKEND_START, TimestampTzGetDatum(MyStartTimestamp));
	dbm_row_set(row, DBM_RUN_STEP_STARTED_AT, TimestampTzGetDatum(now));
	dbm_row_set_text(row, DBM_RUN_STEP_EVIDENCE, part->before.evidence);
	dbm_step_write(row);
}

/* Writes down what has become of it. */
static void
conclude_row(DbmStepRun *steps, int number, const char *state, const char *evidence,
			 const ErrorData *edata)
{
	DbmRow *row = read_row(steps, number);

	dbm_row_set_text(row, DBM_RUN_STEP_STATE, state);
	dbm_row_set(row, DBM_RUN_STEP_FINISHED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_text(row, DBM_RUN_STEP_EVIDENCE, evidence);
	if (edata)
		dbm_step_set_error(row, edata);
	dbm_step_write(row);
}

/* Each part is done, but is it the whole?  A partition may have come meanwhile. */
static void
require_whole(DbmStepRun *steps)
{
	const DbmStatement *statement = current_statement(steps);
	Part whole = {.text = pnstrdup(steps->run.script->text + statement->start, statement->length)};

	whole.raw = dbm_step_parse(whole.text);
	prove(steps, &whole, &whole.after);
	if (whole.after.verdict == DBM_PROOF_DONE)
		return;
	ereport(ERROR, (errcode(ERRCODE_DBM_STEP),
					errmsg("all parts of step %d of change \"%s\" are done, but not the whole",
						   steps->current->ordinal, steps->run.change),
					errdetail_internal("%s", whole.after.evidence),
					errhint("Run: CALL dbm_resume(%s);", quote_literal_cstr(steps->run.change))));
}

/* All that the statement of the script stands for is done. */
static void
complete_step(DbmStepRun *steps, const Part *part)
{
	DbmScript script = *steps->run.script;
	const char *source;
	RawStmt *raw = dbm_script_parse(steps->run.script, current_statement(steps), &source);
	DbmStatementResult result = {
		.line = current_statement(steps)->line,
		.tag = GetCommandTagName(CreateCommandTag(raw->stmt)),
		.duration = part->answer.duration,
		.rows = part->answer.complete ? part->answer.rows : -1,
	};
	DbmExecution execution = {.script = &script, .results = &result, .ndone = 1};

	if (part->expanded)
		require_whole(steps);
	script.statements += steps->current->first - 1;
	script.nstatements = 1;
	dbm_run_write_execution(steps->run.id, &execution, &steps->objects);
	steps->run.execution.ndone++;
	dbm_step_advance(steps);
}

static void
write_objects(DbmStepRun *steps, List *objects)
{
	ListCell *cell;

	foreach (cell, objects)
	{
		DbmRow *row = lfirst(cell);

		dbm_row_set_int64(row, DBM_RUN_OBJECT_RUN, steps->run.id);
		dbm_row_set(row, DBM_RUN_OBJECT_ORDINAL, Int32GetDatum(++steps->objects));
		dbm_row_set(row, DBM_RUN_OBJECT_STATEMENT, Int32GetDatum(steps->current->first));
		dbm_table_insert(row);
	}
}

/* ---- before and after ---- */

static void
look(DbmStepRun *steps, void *argument)
{
	Part *part = argument;
	DbmRow *row = read_row(steps, part->number);

	prove(steps, part, &part->before);
	part->action = decide(steps, part, row);
	switch (part->action)
	{
		case ACTION_NOTHING:
			conclude_row(steps, part->number, dbm_row_text(row, DBM_RUN_STEP_STATE),
						 part->before.evidence, NULL);
			if (part->last)
				complete_step(steps, part);
			break;
		case ACTION_RUN:
			intend(steps, part, part->number, "single", part->text);
			break;
		case ACTION_CLEANUP:
			intend(steps, part, part->number + DBM_STEP_REPAIR, "cleanup", part->before.cleanup);
			break;
		case ACTION_FINISH:
			intend(steps, part, part->number + DBM_STEP_REPAIR, "finish", part->before.finish);
			break;
	}
}

static ErrorData *
make_unproven_error(const DbmStepRun *steps, const Part *part)
{
	return dbm_step_error(ERRCODE_DBM_STEP,
						  psprintf("step %d of change \"%s\" has run, but the catalog does not "
								   "show it",
								   steps->current->ordinal, steps->run.change),
						  part->after.evidence,
						  psprintf("Find out why, then run: CALL dbm_resume(%s);",
								   quote_literal_cstr(steps->run.change)));
}

static ErrorData *
make_lost_error(const DbmStepRun *steps, const Part *part)
{
	return dbm_step_error(
		ERRCODE_DBM_STEP,
		psprintf("step %d of change \"%s\" was interrupted", steps->current->ordinal,
				 steps->run.change),
		psprintf("The worker that ran it ended without an answer.  %s", part->after.evidence),
		psprintf("Run: CALL dbm_resume(%s);", quote_literal_cstr(steps->run.change)));
}

/* Is it done, as far as anybody can tell?  If not, sets the error. */
static bool
judge(const DbmStepRun *steps, Part *part)
{
	bool shown = part->after.verdict == DBM_PROOF_DONE;
	bool could_be = shown || part->after.verdict == DBM_PROOF_UNKNOWN || part->after.repeatable;

	part->error = part->answer.error;
	if (part->answer.complete && could_be)
		return true;
	if (part->answer.complete)
		part->error = make_unproven_error(steps, part);
	else if (part->error == NULL)
		part->error = make_lost_error(steps, part);
	/* it may have been stopped too late */
	return shown && part->before.verdict != DBM_PROOF_DONE;
}

static void
conclude_cleanup(DbmStepRun *steps, Part *part)
{
	int number = part->number + DBM_STEP_REPAIR;

	part->error = part->answer.error;
	if (!part->answer.complete && part->error == NULL)
	{
		part->after.evidence = "What it left is still there.";
		part->error = make_lost_error(steps, part);
	}
	steps->left_behind = part->error != NULL;
	write_objects(steps, part->answer.objects);
	conclude_row(steps, number, part->error ? "failed" : "done", part->before.evidence,
				 part->error);
}

static void
conclude(DbmStepRun *steps, void *argument)
{
	Part *part = argument;
	const char *state = "done";
	bool done;

	steps->run.execution.duration += part->answer.duration;
	if (part->action == ACTION_CLEANUP)
	{
		conclude_cleanup(steps, part);
		return;
	}
	prove(steps, part, &part->after);
	done = judge(steps, part);
	if (!done)
	{
		steps->unknown = !part->answer.complete && part->answer.error == NULL &&
			part->after.verdict == DBM_PROOF_UNKNOWN;
		steps->left_behind = part->after.verdict == DBM_PROOF_PARTIAL;
		state = steps->unknown ? "interrupted" : "failed";
	}
	write_objects(steps, part->answer.objects);
	if (part->action == ACTION_FINISH)
		conclude_row(steps, part->number + DBM_STEP_REPAIR, state, part->after.evidence,
					 part->error);
	conclude_row(steps, part->number, state, part->after.evidence, done ? NULL : part->error);
	if (done && part->last)
		complete_step(steps, part);
}

/* ---- one part ---- */

static void
must(DbmStepRun *steps, DbmStepWork work, Part *part)
{
	ErrorData *failure = dbm_step_attempt(steps, work, part);

	if (failure)
		dbm_step_fail(steps, failure);
}

static void
launch(DbmStepRun *steps, Part *part)
{
	dbm_step_commit(steps);
	dbm_step_launch(&part->order, &part->answer);
	must(steps, conclude, part);
	dbm_step_commit(steps);
}

static void
intend_cleanup(DbmStepRun *steps, void *argument)
{
	Part *part = argument;

	part->action = ACTION_CLEANUP;
	part->before = part->after;
	intend(steps, part, part->number + DBM_STEP_REPAIR, "cleanup", part->before.cleanup);
}

/*
 * What a failed statement has left, such as an invalid index, costs every
 * write: it goes at once, unless it was stopped because somebody is in a hurry.
 */
static void
clean_up(DbmStepRun *steps, Part *part)
{
	ErrorData *error = part->error;

	if (part->action != ACTION_CLEANUP && steps->left_behind && part->after.cleanup &&
		ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_OPERATOR_INTERVENTION)
	{
		must(steps, intend_cleanup, part);
		launch(steps, part);
	}
	dbm_step_fail(steps, error);
}

static void
take_part_by_worker(DbmStepRun *steps, Part *part)
{
	TimestampTz began = GetCurrentTimestamp();
	int attempt = 0;

	for (;;)
	{
		must(steps, look, part);
		if (part->action == ACTION_NOTHING)
		{
			dbm_step_commit(steps);
			return;
		}
		launch(steps, part);
		if (part->error && !dbm_step_try_again(++attempt, began, part->error))
			clean_up(steps, part);
		if (!part->error && part->action != ACTION_CLEANUP)
			return;
		steps->left_behind = steps->unknown = false;
	}
}

/* A part that is a transaction: its row is committed with it. */
static void
run_in_transaction(DbmStepRun *steps, void *argument)
{
	Part *part = argument;
	DbmRow *row = read_row(steps, part->number);

	prove(steps, part, &part->before);
	if (!dbm_step_is(row, "planned") || part->before.verdict != DBM_PROOF_DONE)
	{
		DbmScriptRules rules = {.name = steps->run.change, .rollback = steps->run.rollback};
		DbmScript *script = dbm_script_read(part->text, strlen(part->text), &rules);
		DbmExecution execution = {.script = script};

		if (part->before.verdict != DBM_PROOF_DONE)
		{
			script->statements[0].ordinal = steps->current->first;
			script->statements[0].line = current_statement(steps)->line;
			dbm_step_execute(steps, &execution);
			execution.ndone = 0;
			dbm_run_write_execution(steps->run.id, &execution, &steps->objects);
			prove(steps, part, &part->before);
		}
	}
	conclude_row(steps, part->number, "done", part->before.evidence, NULL);
	if (part->last)
		complete_step(steps, part);
}

static void
take_part_by_transaction(DbmStepRun *steps, Part *part)
{
	TimestampTz began = GetCurrentTimestamp();
	ErrorData *failure;

	for (int attempt = 1; (failure = dbm_step_attempt(steps, run_in_transaction, part)) != NULL;
		 attempt++)
	{
		if (!dbm_step_try_again(attempt, began, failure))
			dbm_step_fail(steps, failure);
	}
	dbm_step_commit(steps);
}

/* ---- the step ---- */

static void
write_part(DbmStepRun *steps, int number, const DbmStepPart *part)
{
	DbmRow *row = dbm_step_row(steps->run.id, steps->current, number, steps->run.script);

	dbm_row_set_text(row, DBM_RUN_STEP_KIND, part->single ? "single" : "transaction");
	set_statement(row, part->text);
	dbm_step_write(row);
}

static List *
ask_for_parts(DbmStepRun *steps)
{
	const DbmStatement *statement = current_statement(steps);
	DbmStepPart *whole = palloc0(sizeof(DbmStepPart));
	DbmExecution execution;
	DbmExecutionPlace place;
	List *parts;

	whole->single = true;
	whole->text = pnstrdup(steps->run.script->text + statement->start, statement->length);
	begin_execution(steps, &execution, &place);
	parts = dbm_step_parts(dbm_step_parse(whole->text), whole->text);
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

/*
 * A resumed step of many parts: partitions have come and gone.  What is not
 * asked for any more is settled, what is new comes last.
 */
static void
expand_again(DbmStepRun *steps)
{
	List *parts = ask_for_parts(steps);
	List *known = NIL;
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	ItemPointerData tid;
	int number;
	ListCell *cell;

	for (number = 1; dbm_step_find(steps->run.id, steps->current->ordinal, number, row, &tid);
		 number++)
	{
		DbmStepPart *part = palloc0(sizeof(DbmStepPart));

		part->text = dbm_row_text(row, DBM_RUN_STEP_STATEMENT);
		known = lappend(known, part);
		if (!is_among(parts, part->text) &&
			!dbm_step_part_is_done(steps->run.id, steps->current, number))
			conclude_row(steps, number, "done", "It is not needed any more.", NULL);
	}
	foreach (cell, parts)
	{
		if (!is_among(known, ((DbmStepPart *) lfirst(cell))->text))
			write_part(steps, number++, lfirst(cell));
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

	if (!read_row(steps, 1)->nulls[DBM_RUN_STEP_STATEMENT])
	{
		if (dbm_step_find(steps->run.id, steps->current->ordinal, 2, row, &tid))
			expand_again(steps);
		return;
	}
	foreach (cell, ask_for_parts(steps))
		write_part(steps, ++number, lfirst(cell));
}

static List *
read_parts(const DbmStepRun *steps)
{
	List *parts = NIL;
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	ItemPointerData tid;

	for (int number = 1; dbm_step_find(steps->run.id, steps->current->ordinal, number, row, &tid);
		 number++)
	{
		Part *part = palloc0(sizeof(Part));

		part->number = number;
		part->single = strcmp(dbm_row_text(row, DBM_RUN_STEP_KIND), "single") == 0;
		part->text = dbm_row_text(row, DBM_RUN_STEP_STATEMENT);
		part->raw = dbm_step_parse(part->text);
		part->expanded = number > 1;
		parts = lappend(parts, part);
	}
	((Part *) llast(parts))->last = true;
	((Part *) linitial(parts))->expanded = list_length(parts) > 1;
	return parts;
}

void
dbm_step_take_single(DbmStepRun *steps)
{
	DbmScriptPlace place;
	ListCell *cell;

	dbm_script_place_begin(&place, steps->run.script, current_statement(steps));
	must(steps, expand, NULL);
	foreach (cell, read_parts(steps))
	{
		Part *part = lfirst(cell);

		if (dbm_step_part_is_done(steps->run.id, steps->current, part->number))
			continue;
		CHECK_FOR_INTERRUPTS();
		if (part->single)
			take_part_by_worker(steps, part);
		else
		{
			take_part_by_transaction(steps, part);
		}
	}
	dbm_script_place_end(&place);
}
