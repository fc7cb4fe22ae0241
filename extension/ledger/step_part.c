/*
 * ledger/step_part.c: one statement before and after a worker runs it
 *
 * Before, what is to be done follows from what the catalog says and what was
 * tried, and is committed with a permit.  After, the outcome is taken from the
 * catalog again: the worker's word counts only where that cannot tell.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "core/digest.h"
#include "core/errors.h"
#include "core/settings.h"
#include "ledger/step.h"
#include "ledger/step_part.h"
#include "ledger/step_parts.h"
#include "ledger/step_single.h"
#include "ledger/tables.h"

/* More things than that are not in the way of one statement, indexes of a table first of all. */
#define MOST_CLEANUPS 1000

const DbmStatement *
dbm_part_statement(const DbmStepRun *steps)
{
	return &steps->run.script->statements[steps->current->first - 1];
}

/* ---- looking at the catalog, as the statement would ---- */

void
dbm_part_begin_execution(DbmStepRun *steps, DbmExecution *execution, DbmExecutionPlace *place)
{
	memset(execution, 0, sizeof(DbmExecution));
	execution->looks = true;
	execution->run_as = steps->run.execution.run_as;
	execution->settings = dbm_script_settings(steps->run.script, steps->current->first);
	execution->settings_script = steps->run.script;
	/* it waits for old transactions by design, and one that gives up leaves an invalid index */
	execution->patient = steps->current->subject &&
						 strstr(steps->current->subject, "CONCURRENTLY") != NULL;
	dbm_execution_enter(execution, place);
}

void
dbm_part_prove(DbmStepRun *steps, DbmPart *part, DbmProof *proof)
{
	DbmExecution execution;
	DbmExecutionPlace place;

	dbm_part_begin_execution(steps, &execution, &place);
	dbm_step_prove(part->raw, part->text, proof);
	dbm_execution_leave(&place);
}

/* The role and the settings that are in force for the statement. */
static void
order_settings(DbmStepRun *steps, DbmStepOrder *order)
{
	DbmExecution execution;
	DbmExecutionPlace place;

	dbm_part_begin_execution(steps, &execution, &place);
	order->settings_size = EstimateGUCStateSpace();
	order->settings = palloc0(order->settings_size);
	SerializeGUCState(order->settings_size, order->settings);
	order->head.run_as = steps->run.execution.ran_as = execution.ran_as;
	dbm_execution_leave(&place);
}

/* ---- what is to be done ---- */

static void
refuse_unknown(const DbmStepRun *steps, const DbmPart *part)
{
	const char *change = quote_literal_cstr(steps->run.change);

	if (part->before.at_work)
		ereport(ERROR, (errcode(ERRCODE_DBM_STEP),
						errmsg("step %d of change \"%s\" is in the hands of another session",
							   steps->current->ordinal, steps->run.change),
						errdetail_internal("%s", part->before.evidence),
						errhint("Wait for the end of process %d, then run CALL dbm_resume(%s);",
								part->before.at_work, change)));
	ereport(ERROR,
			(errcode(ERRCODE_DBM_STEP),
			 errmsg("nobody knows whether step %d of change \"%s\" was done",
					steps->current->ordinal, steps->run.change),
			 errdetail("It was interrupted.  %s", part->before.evidence),
			 errhint("See for yourself, then run CALL dbm_resume(%s, interrupted => 'done'); or "
					 "CALL dbm_resume(%s, interrupted => 'again');",
					 change, change)));
}

/* One word is for one step. */
static DbmPartAction
take_word(DbmStepRun *steps, DbmPart *part, DbmRow *row)
{
	const char *word = steps->interrupted;

	steps->interrupted = NULL;
	if (strcmp(word, "again") == 0)
		return DBM_PART_RUN;
	dbm_row_set_text(row, DBM_RUN_STEP_STATE, "adopted");
	part->before.evidence = psprintf("Role \"%s\" said that it was done.",
									 GetUserNameFromId(GetAuthenticatedUserId(), true));
	return DBM_PART_NOTHING;
}

static bool
was_under_way(const DbmRow *row)
{
	return dbm_step_is(row, "running") || dbm_step_is(row, "interrupted");
}

/* The catalog cannot tell: was the permit taken, and what does a person say? */
static DbmPartAction
decide_unknown(DbmStepRun *steps, DbmPart *part, DbmRow *row)
{
	if (!was_under_way(row))
		return DBM_PART_RUN;
	if (steps->interrupted == NULL)
		refuse_unknown(steps, part);
	return take_word(steps, part, row);
}

/* Did the server say that it is there already? */
static bool
says_taken(int sqlstate)
{
	return sqlstate == ERRCODE_DUPLICATE_TABLE || sqlstate == ERRCODE_DUPLICATE_OBJECT ||
		   sqlstate == ERRCODE_DUPLICATE_DATABASE;
}

/* Or that what is to go is not there? */
static bool
is_contradiction(int sqlstate)
{
	return says_taken(sqlstate) || sqlstate == ERRCODE_UNDEFINED_TABLE ||
		   sqlstate == ERRCODE_UNDEFINED_OBJECT || sqlstate == ERRCODE_UNDEFINED_DATABASE;
}

static bool
was_contradicted(const DbmRow *row)
{
	const char *sqlstate = dbm_row_text(row, DBM_RUN_STEP_SQLSTATE);

	return dbm_step_is(row, "failed") && sqlstate && strlen(sqlstate) == 5 &&
		   is_contradiction(
			   MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3], sqlstate[4]));
}

/*
 * It is as the statement wants it, but is that our doing?  Of what nobody has
 * run, or the server has refused because it was so before, the server says what
 * it thinks: a name that is taken may be another's, and one that is not there a
 * slip of the pen.  A person may know better.
 */
static DbmPartAction
decide_done(DbmStepRun *steps, DbmPart *part, DbmRow *row)
{
	if (!part->expanded)
	{
		if (dbm_step_is(row, "planned") || dbm_step_is(row, "intended"))
			return DBM_PART_RUN;
		if (was_contradicted(row))
			return steps->interrupted ? take_word(steps, part, row) : DBM_PART_RUN;
	}
	dbm_row_set_text(row, DBM_RUN_STEP_STATE, "done");
	return DBM_PART_NOTHING;
}

bool
dbm_part_wants_word(const DbmProof *proof, bool expanded, const DbmRow *row)
{
	if (proof->verdict == DBM_PROOF_UNKNOWN)
		return proof->at_work == 0 && was_under_way(row);
	return proof->verdict == DBM_PROOF_DONE && !expanded && was_contradicted(row);
}

static void
refuse_remains(const DbmStepRun *steps, const DbmPart *part)
{
	ereport(ERROR, (errcode(ERRCODE_DBM_STEP),
					errmsg("step %d of change \"%s\" cannot run", steps->current->ordinal,
						   steps->run.change),
					errdetail_internal("%s", part->before.evidence),
					errhint("Remove what is there, then run: CALL dbm_resume(%s);",
							quote_literal_cstr(steps->run.change))));
}

static DbmPartAction
decide(DbmStepRun *steps, DbmPart *part, DbmRow *row)
{
	switch (part->before.verdict)
	{
		case DBM_PROOF_DONE:
			return decide_done(steps, part, row);
		case DBM_PROOF_PARTIAL:
			if (part->before.cleanup && part->cleanups < MOST_CLEANUPS)
				return DBM_PART_CLEANUP;
			if (part->before.finish)
				return DBM_PART_FINISH;
			refuse_remains(steps, part);
			break;
		case DBM_PROOF_UNKNOWN:
			return decide_unknown(steps, part, row);
		case DBM_PROOF_NOT_DONE:
			break;
	}
	return DBM_PART_RUN;
}

/* ---- rows ---- */

DbmRow *
dbm_part_row(const DbmStepRun *steps, int number)
{
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	ItemPointerData tid;

	if (!dbm_step_find(steps->run.id, steps->current->ordinal, number, row, &tid))
		row = dbm_step_row(steps->run.id, steps->current, number, steps->run.script);
	return row;
}

void
dbm_part_set_statement(DbmRow *row, const char *text)
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

/* The number of what is now done about a part that was left half done: each has a row of its own. */
static int
repair_number(const DbmPart *part)
{
	return part->number + DBM_STEP_REPAIR * (part->cleanups + (part->action == DBM_PART_FINISH));
}

/* Writes down what is going to be run, with the permit for it. */
void
dbm_part_intend(DbmStepRun *steps, DbmPart *part, int number, const char *kind, const char *text)
{
	DbmRow *row = dbm_part_row(steps, number);
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
		.cleanup = strcmp(kind, "cleanup") == 0,
		.permit = make_permit(),
		.asking_start = MyStartTimestamp,
	};
	part->order.change = steps->run.change;
	part->order.statement = text;
	part->order.exact = strlen(text) == dbm_part_statement(steps)->length &&
						memcmp(text, steps->run.script->text + dbm_part_statement(steps)->start,
							   strlen(text)) == 0;
	order_settings(steps, &part->order);
	dbm_row_set_text(row, DBM_RUN_STEP_KIND, kind);
	dbm_part_set_statement(row, text);
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

void
dbm_part_intend_cleanup(DbmStepRun *steps, DbmPart *part)
{
	part->action = DBM_PART_CLEANUP;
	part->cleanups++;
	dbm_part_intend(steps, part, repair_number(part), "cleanup", part->before.cleanup);
}

bool
dbm_part_has_remains(const DbmPart *part)
{
	return part->after.verdict == DBM_PROOF_PARTIAL && part->after.cleanup &&
		   part->cleanups < MOST_CLEANUPS;
}

/* Writes down what has become of it. */
void
dbm_part_conclude_row(DbmStepRun *steps, int number, const char *state, const char *evidence,
					  const ErrorData *edata)
{
	DbmRow *row = dbm_part_row(steps, number);

	dbm_row_set_text(row, DBM_RUN_STEP_STATE, state);
	dbm_row_set(row, DBM_RUN_STEP_FINISHED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_text(row, DBM_RUN_STEP_EVIDENCE, evidence);
	if (edata)
		dbm_step_set_error(row, edata);
	dbm_step_write(row);
}

/* The texts of the parts that are on record. */
List *
dbm_part_known_texts(const DbmStepRun *steps)
{
	List *texts = NIL;
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	ItemPointerData tid;

	for (int number = 1; dbm_step_find(steps->run.id, steps->current->ordinal, number, row, &tid);
		 number++)
		texts = lappend(texts, dbm_row_text(row, DBM_RUN_STEP_STATEMENT));
	return texts;
}

/* Each part is done, but is it the whole?  A partition may have come meanwhile. */
static void
require_whole(DbmStepRun *steps)
{
	const DbmStatement *statement = dbm_part_statement(steps);
	const char *text = pnstrdup(steps->run.script->text + statement->start, statement->length);
	List *known = dbm_part_known_texts(steps);
	DbmExecution execution;
	DbmExecutionPlace place;
	DbmProof proof;

	dbm_part_begin_execution(steps, &execution, &place);
	dbm_step_prove_whole(dbm_step_parse(text), text, known, &proof);
	dbm_execution_leave(&place);
	if (proof.verdict == DBM_PROOF_DONE)
		return;
	ereport(ERROR, (errcode(ERRCODE_DBM_STEP),
					errmsg("all parts of step %d of change \"%s\" are done, but not the whole",
						   steps->current->ordinal, steps->run.change),
					errdetail_internal("%s", proof.evidence),
					errhint("Run: CALL dbm_resume(%s);", quote_literal_cstr(steps->run.change))));
}

/* All that the statement of the script stands for is done. */
void
dbm_part_complete_step(DbmStepRun *steps, const DbmPart *part)
{
	DbmScript script = *steps->run.script;
	const char *source;
	RawStmt *raw = dbm_script_parse(steps->run.script, dbm_part_statement(steps), &source);
	DbmStatementResult result = {
		.line = dbm_part_statement(steps)->line,
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

void
dbm_part_look(DbmStepRun *steps, void *argument)
{
	DbmPart *part = argument;
	DbmRow *row = dbm_part_row(steps, part->number);

	dbm_part_prove(steps, part, &part->before);
	part->action = decide(steps, part, row);
	switch (part->action)
	{
		case DBM_PART_NOTHING:
			dbm_part_conclude_row(steps, part->number, dbm_row_text(row, DBM_RUN_STEP_STATE),
								  part->before.evidence, NULL);
			if (part->last)
				dbm_part_complete_step(steps, part);
			break;
		case DBM_PART_RUN:
			dbm_part_intend(steps, part, part->number, "single", part->text);
			break;
		case DBM_PART_CLEANUP:
			dbm_part_intend_cleanup(steps, part);
			break;
		case DBM_PART_FINISH:
			dbm_part_intend(steps, part, repair_number(part), "finish", part->before.finish);
			break;
	}
}

static ErrorData *
make_unproven_error(const DbmStepRun *steps, const DbmPart *part)
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
make_lost_error(const DbmStepRun *steps, const DbmPart *part)
{
	return dbm_step_error(
		ERRCODE_DBM_STEP,
		psprintf("step %d of change \"%s\" was interrupted", steps->current->ordinal,
				 steps->run.change),
		psprintf("The worker that ran it ended without an answer.  %s", part->after.evidence),
		psprintf("Run: CALL dbm_resume(%s);", quote_literal_cstr(steps->run.change)));
}

static bool
is_last(const DbmStepRun *steps, const DbmPart *part)
{
	return part->last && steps->current == llast(steps->steps);
}

/*
 * Is it done, as far as anybody can tell?  If not, sets the error.  It may have
 * been stopped too late: then it is done, and whoever wanted to stop gets the
 * error before the next statement, if there is one.
 */
static bool
judge(const DbmStepRun *steps, DbmPart *part)
{
	bool shown = part->after.verdict == DBM_PROOF_DONE;
	bool could_be = shown || part->after.verdict == DBM_PROOF_UNKNOWN || part->after.repeatable;
	bool by_others = part->before.verdict == DBM_PROOF_DONE ||
					 (part->answer.error && says_taken(part->answer.error->sqlerrcode));

	part->error = part->answer.error;
	if ((part->answer.complete && could_be) || (shown && !by_others))
	{
		if (!part->answer.cancelled || is_last(steps, part))
			part->error = NULL;
		return true;
	}
	if (part->answer.complete)
		part->error = make_unproven_error(steps, part);
	else if (part->error == NULL)
		part->error = make_lost_error(steps, part);
	else if (shown && part->error->hint == NULL && is_contradiction(part->error->sqlerrcode) &&
			 dbm_step_count(steps->run.id, "done") + dbm_step_count(steps->run.id, "adopted") > 0)
		part->error->hint = psprintf("If it is as it should be, run: CALL dbm_resume(%s, "
									 "interrupted => 'done');",
									 quote_literal_cstr(steps->run.change));
	return false;
}

static void
conclude_cleanup(DbmStepRun *steps, DbmPart *part)
{
	part->error = part->answer.error;
	if (!part->answer.complete && part->error == NULL)
	{
		part->after.evidence = "What it left is still there.";
		part->error = make_lost_error(steps, part);
	}
	steps->left_behind = part->error != NULL;
	write_objects(steps, part->answer.objects);
	dbm_part_conclude_row(steps, repair_number(part), part->error ? "failed" : "done",
						  part->before.evidence, part->error);
}

void
dbm_part_conclude(DbmStepRun *steps, void *argument)
{
	DbmPart *part = argument;
	const char *state = "done";
	bool done;

	steps->run.execution.duration += part->answer.duration;
	if (part->action == DBM_PART_CLEANUP)
	{
		conclude_cleanup(steps, part);
		return;
	}
	dbm_part_prove(steps, part, &part->after);
	done = judge(steps, part);
	if (!done)
	{
		steps->unknown = !part->answer.complete && part->answer.error == NULL &&
						 part->after.verdict == DBM_PROOF_UNKNOWN;
		steps->left_behind = part->after.verdict == DBM_PROOF_PARTIAL;
		state = steps->unknown ? "interrupted" : "failed";
		dbm_run_name_blockers(&steps->run, part->answer.wait, part->error);
	}
	write_objects(steps, part->answer.objects);
	if (part->action == DBM_PART_FINISH)
		dbm_part_conclude_row(steps, repair_number(part), state, part->after.evidence, part->error);
	dbm_part_conclude_row(steps, part->number, state, part->after.evidence,
						  done ? NULL : part->error);
	if (done && part->last)
		dbm_part_complete_step(steps, part);
}
