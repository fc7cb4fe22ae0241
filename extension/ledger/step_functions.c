/*
 * ledger/step_functions.c: dbm_step_proof and dbm_step_parts, what a person may
 * ask about a statement that cannot run in a transaction
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "audit/refusal.h"
#include "core/compat.h"
#include "core/installed.h"
#include "core/result.h"
#include "ledger/step_parts.h"
#include "ledger/step_proof.h"
#include "pipeline/capability.h"
#include "script/script.h"

PG_FUNCTION_INFO_V1(dbm_step_proof);
PG_FUNCTION_INFO_V1(dbm_step_parts_of);
PG_FUNCTION_INFO_V1(dbm_step_whole);

/* What is asked about: one statement, and the place for messages about it. */
typedef struct Question
{
	const DbmScript *script;
	const RawStmt *statement;
	const char *text;
	DbmScriptPlace place; /* in force until the answer is there */
} Question;

static void
begin_question(FunctionCallInfo fcinfo, const char *function, Question *question)
{
	static const DbmScriptRules rules = {NULL};
	text *argument;

	dbm_require_initialised();
	dbm_capability_require_any(function);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("statement must not be null"),
				 errhint("Pass the statement that is to be looked at.")));
	argument = PG_GETARG_TEXT_PP(0);
	question->script = dbm_script_read(text_to_cstring(argument), VARSIZE_ANY_EXHDR(argument),
									   &rules);
	if (question->script->nstatements != 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("one statement expected, not %d", question->script->nstatements),
						errhint("Ask about each statement alone.")));
	dbm_script_place_begin(&question->place, question->script, question->script->statements);
	question->statement = dbm_script_parse(question->script, question->script->statements,
										   &question->text);
}

static Datum
proof_body(PG_FUNCTION_ARGS)
{
	Question question;
	DbmProof proof;
	Datum values[5] = {0};
	bool nulls[5] = {false};

	begin_question(fcinfo, "dbm_step_proof", &question);
	dbm_step_prove(question.statement, question.text, &proof);
	dbm_script_place_end(&question.place);
	values[0] = CStringGetTextDatum(dbm_proof_verdict_name(proof.verdict));
	values[1] = CStringGetTextDatum(proof.evidence);
	nulls[2] = proof.cleanup == NULL;
	nulls[3] = proof.finish == NULL;
	if (proof.cleanup)
		values[2] = CStringGetTextDatum(proof.cleanup);
	if (proof.finish)
		values[3] = CStringGetTextDatum(proof.finish);
	values[4] = BoolGetDatum(proof.repeatable);
	return dbm_result_row(fcinfo, values, nulls);
}

Datum
dbm_step_proof(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_step_proof", proof_body);
}

static Datum
parts_body(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Question question;
	ListCell *cell;
	int part = 0;

	begin_question(fcinfo, "dbm_step_parts", &question);
	dbm_init_set_result(fcinfo);
	foreach (cell, dbm_step_parts(question.statement, question.text))
	{
		const DbmStepPart *row = lfirst(cell);
		Datum values[3];
		bool nulls[3] = {false};

		values[0] = Int32GetDatum(++part);
		values[1] = CStringGetTextDatum(row->single ? "single" : "transaction");
		values[2] = CStringGetTextDatum(row->text);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	dbm_script_place_end(&question.place);
	return (Datum) 0;
}

/* dbm_step_parts(statement): the name in C is the other function's */
Datum
dbm_step_parts_of(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_step_parts", parts_body);
}

/* _dbm_step_whole(statement, kept): a statement of many parts once more, for tests */
Datum
dbm_step_whole(PG_FUNCTION_ARGS)
{
	Question question;
	DbmProof proof;
	List *kept = NIL;
	List *left;
	Datum *texts;
	Datum values[3];
	bool nulls[3] = {false};
	int count;

	begin_question(fcinfo, "_dbm_step_whole", &question);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &texts, NULL,
					  &count);
	for (int at = 0; at < count; at++)
		kept = lappend(kept, TextDatumGetCString(texts[at]));
	dbm_step_prove_whole(question.statement, question.text, kept, &proof);
	left = dbm_step_parts_left(question.statement, question.text, kept);
	dbm_script_place_end(&question.place);
	texts = palloc(sizeof(Datum) * (list_length(left) + 1));
	for (int at = 0; at < list_length(left); at++)
		texts[at] = CStringGetTextDatum(((DbmStepPart *) list_nth(left, at))->text);
	values[0] = CStringGetTextDatum(dbm_proof_verdict_name(proof.verdict));
	values[1] = CStringGetTextDatum(proof.evidence);
	values[2] = PointerGetDatum(
		construct_array(texts, list_length(left), TEXTOID, -1, false, TYPALIGN_INT));
	return dbm_result_row(fcinfo, values, nulls);
}
