/*
 * script/steps_function.c: dbm_steps, which shows where a script is cut, and
 * what of the session goes along from step to step, for tests
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "script/steps.h"

PG_FUNCTION_INFO_V1(dbm_steps);
PG_FUNCTION_INFO_V1(dbm_script_settings_before);

/* From the first statement to the end of the last, data of a COPY included. */
static text *
text_of_step(const DbmScript *script, const DbmStep *step)
{
	const DbmStatement *first = &script->statements[step->first - 1];
	const DbmStatement *last = &script->statements[step->last - 1];
	Size end = last->kind == DBM_STATEMENT_COPY_DATA ? last->data_start + last->data_length
													 : last->start + last->length;

	return cstring_to_text_with_len(script->text + first->start, end - first->start);
}

static void
put_step(ReturnSetInfo *result, const DbmScript *script, const DbmStep *step)
{
	Datum values[8] = {0};
	bool nulls[8] = {false};

	values[0] = Int32GetDatum(step->ordinal);
	values[1] = CStringGetTextDatum(step->single ? "single" : "transaction");
	values[2] = Int32GetDatum(step->first);
	values[3] = Int32GetDatum(step->last);
	values[4] = Int32GetDatum(script->statements[step->first - 1].line);
	nulls[5] = step->subject == NULL;
	if (step->subject)
		values[5] = CStringGetTextDatum(step->subject);
	nulls[6] = step->reason == NULL;
	if (step->reason)
		values[6] = CStringGetTextDatum(step->reason);
	values[7] = PointerGetDatum(text_of_step(script, step));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static DbmScript *
read_script(text *source)
{
	static const DbmScriptRules rules = {
		.allow_secrets = true, .allow_empty = true, .in_steps = true};
	DbmScript *script;

	script = dbm_script_read(text_to_cstring(source), VARSIZE_ANY_EXHDR(source), &rules);
	dbm_script_check(script, &rules);
	return script;
}

/* dbm_steps(script): one row per step; raises what dbm_apply_in_steps would refuse */
Datum
dbm_steps(PG_FUNCTION_ARGS)
{
	DbmScript *script;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	script = read_script(PG_GETARG_TEXT_PP(0));
	foreach (cell, dbm_script_steps(script))
		put_step((ReturnSetInfo *) fcinfo->resultinfo, script, lfirst(cell));
	return (Datum) 0;
}

/* _dbm_script_settings(script, statement): what each step is to begin with */
Datum
dbm_script_settings_before(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	DbmScript *script;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	script = read_script(PG_GETARG_TEXT_PP(0));
	foreach (cell, dbm_script_settings(script, PG_GETARG_INT32(1)))
	{
		const DbmStatement *statement = lfirst(cell);
		Datum values[2];
		bool nulls[2] = {false};

		values[0] = Int32GetDatum(statement->ordinal);
		values[1] = PointerGetDatum(
			cstring_to_text_with_len(script->text + statement->start, statement->length));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
