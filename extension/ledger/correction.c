/*
 * ledger/correction.c: a rollback script that is sent anew while a change is partial
 *
 * The one that was stored is the promise made when the change was applied.
 * Where it fails half way, nobody could go back or forth, so another one may
 * take its place then.  It begins with what is done, which is not done again;
 * nothing else is left out, and in the end the schema is proven as ever.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audit/event.h"
#include "core/digest.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/settings.h"
#include "ledger/change.h"
#include "ledger/correction.h"
#include "ledger/run.h"
#include "ledger/step.h"
#include "ledger/step_proof.h"
#include "ledger/tables.h"
#include "ledger/transaction.h"
#include "pipeline/capability.h"

#define ACT "dbm_rollback_in_steps"

/* ---- what the run that was begun has done ---- */

static DbmScript *
read_stored(const char *change, const uint8 *digest, bool rollback)
{
	DbmScriptRules rules = {
		.name = change,
		.rollback = rollback,
		.allow_secrets = true,
		.allow_empty = true,
		.in_steps = true,
	};
	Size length;
	char *text = dbm_script_content(digest, &length);

	return dbm_script_read(text, length, &rules);
}

static DbmScript *
read_begun(const DbmRow *begun)
{
	uint8 digest[DBM_DIGEST_LENGTH];

	(void) dbm_row_digest(begun, DBM_RUN_SCRIPT, digest);
	return read_stored(dbm_row_text(begun, DBM_RUN_CHANGE), digest, true);
}

/* Its steps that are done; *next is the first that is not, or NULL. */
static List *
find_done(int64 run, const DbmStep **next)
{
	List *done = NIL;
	ListCell *cell;

	*next = NULL;
	foreach (cell, dbm_step_read_plan(run))
	{
		if (!dbm_step_is_done(run, lfirst(cell)))
		{
			*next = lfirst(cell);
			break;
		}
		done = lappend(done, lfirst(cell));
	}
	return done;
}

static bool
is_same_text(const DbmScript *left, Size left_start, const DbmScript *right, Size right_start,
			 Size length)
{
	return memcmp(left->text + left_start, right->text + right_start, length) == 0;
}

/* Is this statement, counted from 1, the same in both? */
static bool
is_same_statement(const DbmScript *left, const DbmScript *right, int ordinal)
{
	const DbmStatement *one;
	const DbmStatement *other;

	if (ordinal > left->nstatements || ordinal > right->nstatements)
		return false;
	one = &left->statements[ordinal - 1];
	other = &right->statements[ordinal - 1];
	return one->kind == other->kind && one->length == other->length &&
		   is_same_text(left, one->start, right, other->start, one->length) &&
		   (one->kind != DBM_STATEMENT_COPY_DATA ||
			(one->data_length == other->data_length &&
			 is_same_text(left, one->data_start, right, other->data_start, one->data_length)));
}

/* ---- a statement that was interrupted ---- */

/* The first part of the step that is not done; false if it was not begun. */
static bool
find_interrupted(int64 run, const DbmStep *step, DbmRow *row)
{
	ItemPointerData tid;

	for (int part = 1; dbm_step_find(run, step->ordinal, part, row, &tid); part++)
	{
		if (dbm_step_is(row, "running") || dbm_step_is(row, "interrupted"))
			return true;
	}
	return false;
}

static void
prove_interrupted(const DbmRow *row, const DbmScript *script, const DbmStep *step, DbmProof *proof)
{
	DbmExecution execution = {.looks = true, .patient = true};
	DbmExecutionPlace place;
	char *text = dbm_row_text(row, DBM_RUN_STEP_STATEMENT);

	execution.run_as = dbm_run_role(script->name);
	execution.settings = dbm_script_settings(script, step->first);
	execution.settings_script = script;
	dbm_execution_enter(&execution, &place);
	dbm_step_prove(dbm_step_parse(text), text, proof);
	dbm_execution_leave(&place);
}

static void
refuse_to_drop(const DbmScript *script, const DbmStep *step, const DbmProof *proof)
{
	const char *change = quote_literal_cstr(script->name);

	if (proof->verdict == DBM_PROOF_DONE)
		ereport(ERROR,
				(errcode(ERRCODE_DBM_CORRECTION),
				 errmsg("corrected rollback script of change \"%s\" leaves out statement %d, "
						"which is done",
						script->name, step->first),
				 errdetail("It was interrupted.  %s", proof->evidence),
				 errhint("Begin with statements 1 to %d as they were.", step->first)));
	ereport(ERROR, (errcode(ERRCODE_DBM_STEP),
					errmsg("nobody knows whether statement %d of the rollback script of change "
						   "\"%s\" was done",
						   step->first, script->name),
					errdetail("It was interrupted.  %s", proof->evidence),
					errhint("Leave it in the corrected script, or see for yourself and run CALL "
							"dbm_resume(%s, interrupted => 'done'); or CALL dbm_resume(%s, "
							"interrupted => 'again'); first.",
							change, change)));
}

/* What is not on record as done may be left out, if it is certain that it is not done. */
static void
require_not_done(int64 run, const DbmScript *script, const DbmStep *step)
{
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	DbmProof proof;

	if (!find_interrupted(run, step, row))
		return;
	prove_interrupted(row, script, step, &proof);
	if (proof.verdict == DBM_PROOF_DONE || proof.verdict == DBM_PROOF_UNKNOWN)
		refuse_to_drop(script, step, &proof);
}

/* ---- may it take the place of the other one? ---- */

static void
require_beginning(const DbmRow *begun, const DbmScript *script)
{
	int64 run = dbm_row_int64(begun, DBM_RUN_ID);
	DbmScript *former = read_begun(begun);
	const DbmStep *next;
	List *done = find_done(run, &next);
	int count = done ? ((DbmStep *) llast(done))->last : 0;

	for (int ordinal = 1; ordinal <= count; ordinal++)
	{
		if (is_same_statement(former, script, ordinal))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_DBM_CORRECTION),
				 errmsg("corrected rollback script of change \"%s\" does not begin with what "
						"is done",
						script->name),
				 errdetail("Of the former one statements 1 to %d are done, and statement %d "
						   "is missing or not the same.",
						   count, ordinal),
				 errhint("Leave them as they were, and correct what is behind them.")));
	}
	if (next && next->single && !is_same_statement(former, script, next->first))
		require_not_done(run, former, next);
}

static void
require_partial(const char *change, const DbmRow *row)
{
	if (!dbm_change_is(row, "partial"))
		ereport(
			ERROR,
			(errcode(ERRCODE_DBM_CHECKSUM),
			 errmsg("rollback script differs from the one stored with change \"%s\"", change),
			 errdetail("Another one is taken only of a change that is applied or rolled back in "
					   "part.  Its state is \"%s\".",
					   dbm_row_text(row, DBM_CHANGE_STATE)),
			 errhint("Run CALL dbm_rollback_in_steps(%s); to run the stored one.",
					 quote_literal_cstr(change))));
}

/* It undoes what was applied, and nothing else. */
static void
require_same_script(FunctionCallInfo fcinfo, const char *change, const DbmRow *row)
{
	uint8 given[DBM_DIGEST_LENGTH];
	uint8 stored[DBM_DIGEST_LENGTH];
	text *script;

	if (PG_ARGISNULL(3))
		return;
	script = PG_GETARG_TEXT_PP(3);
	dbm_digest_of(VARDATA_ANY(script), VARSIZE_ANY_EXHDR(script), given);
	(void) dbm_row_digest(row, DBM_CHANGE_SCRIPT, stored);
	if (memcmp(given, stored, DBM_DIGEST_LENGTH) == 0)
		return;
	ereport(ERROR, (errcode(ERRCODE_DBM_CHECKSUM),
					errmsg("rollback script belongs to another script than change \"%s\" was "
						   "applied with",
						   change),
					errdetail("Applied: SHA-256 %s; now: %s.", dbm_hex(stored, DBM_DIGEST_LENGTH),
							  dbm_hex(given, DBM_DIGEST_LENGTH)),
					errhint("Correct the rollback script alone, or run CALL "
							"dbm_rollback_in_steps(%s); to run the stored one.",
							quote_literal_cstr(change))));
}

/* ---- taking it ---- */

static DbmScript *
read_given(const char *change, text *given)
{
	DbmScriptRules rules = {
		.name = change,
		.rollback = true,
		.allow_secrets = dbm_setting_bool(DBM_SETTING_ALLOW_SECRETS),
		.allow_empty = true,
		.in_steps = true,
	};
	DbmScript *script = dbm_script_read(text_to_cstring(given), VARSIZE_ANY_EXHDR(given), &rules);

	dbm_script_check(script, &rules);
	return script;
}

static void
record(const char *change, const DbmScript *script, const uint8 *former, const DbmRow *begun)
{
	DbmEvent event = {.kind = "submission", .action = ACT, .statement_length = -1};

	event.change = change;
	event.run = begun ? dbm_row_int64(begun, DBM_RUN_ID) : 0;
	event.detail = psprintf("corrected rollback script, SHA-256 %s; before: %s",
							dbm_hex(script->bytes_digest, DBM_DIGEST_LENGTH),
							former ? dbm_hex(former, DBM_DIGEST_LENGTH) : "none");
	dbm_event_record(&event);
}

static void
replace(DbmRow *row, ItemPointer tid, const DbmScript *script, Datum content)
{
	const char *change = dbm_row_text(row, DBM_CHANGE_CHANGE);
	uint8 applied[DBM_DIGEST_LENGTH];
	uint8 approval[DBM_DIGEST_LENGTH];

	(void) dbm_row_digest(row, DBM_CHANGE_SCRIPT, applied);
	dbm_approval_digest(change, read_stored(change, applied, false), script,
						dbm_environment()->name, approval);
	dbm_change_store_script(script, content);
	dbm_row_set_digest(row, DBM_CHANGE_ROLLBACK, script->bytes_digest);
	dbm_row_set_digest(row, DBM_CHANGE_APPROVAL, approval);
	dbm_table_update(row, tid);
}

DbmScript *
dbm_correction_take(FunctionCallInfo fcinfo, const char *change, const DbmRow *begun)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);
	uint8 former[DBM_DIGEST_LENGTH];
	uint8 given[DBM_DIGEST_LENGTH];
	ItemPointerData tid;
	DbmScript *script;
	bool had_one;
	text *content;

	if (PG_ARGISNULL(2) || !dbm_change_find(change, row, &tid))
		return NULL;
	content = PG_GETARG_TEXT_PP(2);
	dbm_digest_of(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content), given);
	had_one = dbm_row_digest(row, DBM_CHANGE_ROLLBACK, former);
	if (had_one && memcmp(former, given, DBM_DIGEST_LENGTH) == 0)
		return NULL;
	require_partial(change, row);
	require_same_script(fcinfo, change, row);
	/* what runs here comes from those who may deploy */
	dbm_capability_require(DBM_CAPABILITY_DEPLOY, ACT);
	script = read_given(change, content);
	if (begun)
		require_beginning(begun, script);
	(void) dbm_transaction_begin_own_writes();
	replace(row, &tid, script, PointerGetDatum(content));
	record(change, script, had_one ? former : NULL, begun);
	dbm_transaction_end_own_writes();
	ereport(NOTICE, (errmsg("rollback script of change \"%s\" is the corrected one", change),
					 errdetail("SHA-256 %s.", dbm_hex(script->bytes_digest, DBM_DIGEST_LENGTH))));
	return script;
}

/* ---- the run that goes on with it ---- */

static List *
take_over(List *steps, const DbmStep *step, int64 from, int64 to, const DbmScript *script)
{
	dbm_step_copy(from, step, to, script);
	return lappend(steps, unconstify(DbmStep *, step));
}

List *
dbm_correction_plan(const DbmRow *begun, const DbmScript *script, int64 run)
{
	int64 former = dbm_row_int64(begun, DBM_RUN_ID);
	const DbmStep *next;
	List *steps = NIL;
	List *rest = NIL;
	int count = 0;
	ListCell *cell;

	foreach (cell, find_done(former, &next))
		steps = take_over(steps, lfirst(cell), former, run, script);
	/* it may be done in part, or nobody knows: that is looked at when it is its turn */
	if (next && next->single && is_same_statement(read_begun(begun), script, next->first))
		steps = take_over(steps, next, former, run, script);
	if (steps)
		count = ((DbmStep *) llast(steps))->last;
	foreach (cell, dbm_script_steps(script))
	{
		DbmStep *step = lfirst(cell);

		if (step->last <= count)
			continue;
		step->first = Max(step->first, count + 1);
		step->ordinal = list_length(steps) + list_length(rest) + 1;
		rest = lappend(rest, step);
	}
	dbm_step_write_plan(run, rest, script);
	return list_concat(steps, rest);
}
