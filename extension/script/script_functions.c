/*
 * script/script_functions.c: scripts from SQL, for tests and tools
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/result.h"
#include "script/script.h"

PG_FUNCTION_INFO_V1(dbm_script);
PG_FUNCTION_INFO_V1(dbm_script_header_fields);
PG_FUNCTION_INFO_V1(dbm_script_digests);
PG_FUNCTION_INFO_V1(dbm_script_check_text);

static DbmScript *
read_argument(FunctionCallInfo fcinfo, const DbmScriptRules *rules)
{
	text *script = PG_GETARG_TEXT_PP(0);

	/* text_to_cstring gives the terminated copy that the reader wants. */
	return dbm_script_read(text_to_cstring(script), VARSIZE_ANY_EXHDR(script), rules);
}

static Datum
text_datum(const char *text, Size length)
{
	return PointerGetDatum(cstring_to_text_with_len(text, length));
}

/* _dbm_script(script): one row per statement */
Datum
dbm_script(PG_FUNCTION_ARGS)
{
	static const DbmScriptRules rules = {NULL};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext row_memory = AllocSetContextCreate(CurrentMemoryContext, "dbmaestro row",
													 ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	DbmScript *script;

	InitMaterializedSRF(fcinfo, 0);
	script = read_argument(fcinfo, &rules);
	MemoryContextSwitchTo(row_memory);
	for (int at = 0; at < script->nstatements; at++)
	{
		const DbmStatement *statement = &script->statements[at];
		Datum values[6];
		bool nulls[6] = {false};
		const char *source;
		RawStmt *parsed;
		int line;
		int column;

		CHECK_FOR_INTERRUPTS();
		parsed = dbm_script_parse(script, statement, &source);
		dbm_script_position(script, statement->start, &line, &column);
		values[0] = Int32GetDatum(statement->ordinal);
		values[1] = Int32GetDatum(line);
		values[2] = Int32GetDatum(column);
		values[3] = CStringGetTextDatum(CreateCommandName(parsed->stmt));
		values[4] = text_datum(script->text + statement->start, statement->length);
		values[5] = Int64GetDatum(statement->data_length);
		nulls[5] = statement->kind != DBM_STATEMENT_COPY_DATA;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		MemoryContextReset(row_memory);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(row_memory);
	return (Datum) 0;
}

/* _dbm_script_header(script): one row per field */
Datum
dbm_script_header_fields(PG_FUNCTION_ARGS)
{
	static const DbmScriptRules rules = {NULL};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach (cell, read_argument(fcinfo, &rules)->header)
	{
		const DbmHeaderField *field = lfirst(cell);
		Datum values[4];
		bool nulls[4] = {false};

		values[0] = Int32GetDatum(field->line);
		values[1] = CStringGetTextDatum(field->key);
		values[2] = CStringGetTextDatum(field->value);
		values[3] = BoolGetDatum(field->known);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* _dbm_script_digests(script): both hashes, hex */
Datum
dbm_script_digests(PG_FUNCTION_ARGS)
{
	static const DbmScriptRules rules = {NULL};
	DbmScript *script = read_argument(fcinfo, &rules);
	Datum values[2];
	bool nulls[2] = {false};

	values[0] = CStringGetTextDatum(dbm_hex(script->bytes_digest, DBM_DIGEST_LENGTH));
	values[1] = CStringGetTextDatum(dbm_hex(script->tokens_digest, DBM_DIGEST_LENGTH));
	return dbm_result_row(fcinfo, values, nulls);
}

/* _dbm_script_check(script, change, rollback, allow_secrets, allow_empty, in_steps) */
Datum
dbm_script_check_text(PG_FUNCTION_ARGS)
{
	DbmScriptRules rules = {NULL};

	if (VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(1)) > 0)
		rules.name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	rules.rollback = PG_GETARG_BOOL(2);
	rules.allow_secrets = PG_GETARG_BOOL(3);
	rules.allow_empty = PG_GETARG_BOOL(4);
	rules.in_steps = PG_GETARG_BOOL(5);
	dbm_script_check(read_argument(fcinfo, &rules), &rules);
	PG_RETURN_VOID();
}
