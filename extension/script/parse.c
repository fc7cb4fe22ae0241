/*
 * script/parse.c: raw_parser on a piece of a script
 */
#include "postgres.h"

#include "parser/parser.h"
#include "utils/guc.h"

#include "script/parse.h"
#include "script/token.h"

/* Does nothing but semicolons and white space follow? */
static bool
is_last(const DbmScript *script, Size end)
{
	while (end < script->length && strchr("; \t\r\n\f", script->text[end]))
		end++;
	return end == script->length;
}

List *
dbm_script_parse_piece(const DbmScript *script, Size start, Size length, const char **text)
{
	MemoryContext caller = CurrentMemoryContext;
	List *volatile parsed = NIL;

	/* The one statement of a very long script is not worth another copy. */
	*text = script->text + start;
	if (!is_last(script, start + length))
		*text = pnstrdup(*text, length);
	PG_TRY();
	{
		parsed = raw_parser(*text, RAW_PARSE_DEFAULT);
	}
	PG_CATCH();
	{
		dbm_rethrow_shortened(caller);
	}
	PG_END_TRY();
	return parsed;
}

RawStmt *
dbm_script_parse(const DbmScript *script, const DbmStatement *statement, const char **text)
{
	List *parsed = dbm_script_parse_piece(script, statement->start, statement->length, text);

	if (list_length(parsed) != 1)
		elog(ERROR, "statement %d of a script holds %d statements", statement->ordinal,
			 list_length(parsed));
	return linitial_node(RawStmt, parsed);
}

int
dbm_script_silence(void)
{
	int level = NewGUCNestLevel();

	(void) set_config_option("client_min_messages", "error", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return level;
}
