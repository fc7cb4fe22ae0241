/*
 * script/code.c: reading the code of DO blocks and procedures by its tokens
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/value.h"

#include "script/code.h"
#include "script/token.h"

/* Strings of EXECUTE in strings of EXECUTE. */
#define DEEPEST_STRING 4

/* Where reading has come to. */
typedef struct Reader
{
	DbmCode *code;
	DbmTokenStream stream;
	DbmToken token; /* the one at hand */
	bool more; /* there is one */
	bool at_start; /* a statement may start with it */
	int depth;
} Reader;

static void read_text(DbmCode *code, const char *source, int depth);

/* Is a word somewhere in it, in capitals or not? */
static bool
has_word(const char *source, const char *word)
{
	size_t length = strlen(word);

	for (; *source; source++)
	{
		if ((*source | 0x20) == word[0] && pg_strncasecmp(source, word, length) == 0)
			return true;
	}
	return false;
}

static bool
is_name(const DbmToken *token)
{
	return token->code == DBM_TOKEN_IDENT || token->code >= DBM_FIRST_KEYWORD;
}

static void
advance(Reader *reader)
{
	const DbmToken *token = &reader->token;

	switch (token->code)
	{
		case ';':
		case DBM_KEYWORD_BEGIN_P:
		case DBM_KEYWORD_THEN:
		case DBM_KEYWORD_ELSE:
			reader->at_start = true;
			break;
		case DBM_TOKEN_IDENT:
			reader->at_start = strcmp(token->value, "loop") == 0;
			break;
		case DBM_TOKEN_OP:
			reader->at_start = strcmp(token->value, ">>") == 0;
			break;
		default:
			reader->at_start = false;
	}
	reader->more = dbm_token_next(&reader->stream, &reader->token);
}

/* Steps over the token if it is this one. */
static bool
take(Reader *reader, int code)
{
	if (!reader->more || reader->token.code != code)
		return false;
	advance(reader);
	return true;
}

/* Reads name or schema.name; NULL if none is there. */
static RangeVar *
read_name(Reader *reader)
{
	List *names = NIL;

	while (reader->more && is_name(&reader->token))
	{
		names = lappend(names, makeString(pstrdup(reader->token.value)));
		advance(reader);
		if (!take(reader, '.'))
			break;
	}
	return names ? dbm_code_name(names) : NULL;
}

/* Behind COMMIT or ROLLBACK: a variable of that name would go on otherwise. */
static void
read_end(Reader *reader)
{
	advance(reader);
	if (!reader->more || reader->token.code == ';' || reader->token.code == DBM_KEYWORD_AND)
		reader->code->ends = true;
}

static void
read_call(Reader *reader)
{
	RangeVar *name;

	advance(reader);
	name = read_name(reader);
	if (name && reader->more && reader->token.code == '(')
		reader->code->calls = lappend(reader->code->calls, name);
}

/* ALTER TYPE name ADD VALUE [IF NOT EXISTS] 'value' */
static void
read_new_value(Reader *reader)
{
	DbmNewValue *new_value;
	RangeVar *type;

	advance(reader);
	if (!take(reader, DBM_KEYWORD_TYPE_P))
		return;
	type = read_name(reader);
	if (!take(reader, DBM_KEYWORD_ADD_P) || !take(reader, DBM_KEYWORD_VALUE_P))
		return;
	if (take(reader, DBM_KEYWORD_IF_P))
		(void) (take(reader, DBM_KEYWORD_NOT) && take(reader, DBM_KEYWORD_EXISTS));
	if (!reader->more || !dbm_token_is_string(&reader->token))
		return;
	new_value = palloc(sizeof(DbmNewValue));
	new_value->type = type;
	new_value->value = pstrdup(reader->token.value);
	reader->code->values = lappend(reader->code->values, new_value);
}

static void
read_token(Reader *reader)
{
	int code = reader->token.code;

	if (dbm_token_is_string(&reader->token))
	{
		/* what EXECUTE runs cannot end the transaction, but add a value */
		DbmCode inner = {0};

		if (has_word(reader->token.value, "value"))
			read_text(&inner, reader->token.value, reader->depth + 1);
		reader->code->values = list_concat(reader->code->values, inner.values);
		advance(reader);
	}
	else if (code == DBM_KEYWORD_ALTER)
		read_new_value(reader);
	else if (reader->at_start && (code == DBM_KEYWORD_COMMIT || code == DBM_KEYWORD_ROLLBACK))
		read_end(reader);
	else if (reader->at_start && code == DBM_KEYWORD_CALL)
		read_call(reader);
	else
		advance(reader);
}

/* What the scanner cannot read, the server will not run either. */
static void
read_text(DbmCode *code, const char *source, int depth)
{
	MemoryContext caller = CurrentMemoryContext;
	Reader reader = {.code = code, .depth = depth, .at_start = true};

	if (depth > DEEPEST_STRING)
		return;
	dbm_token_begin(&reader.stream, source, strlen(source));
	PG_TRY();
	{
		reader.more = dbm_token_next(&reader.stream, &reader.token);
		while (reader.more)
			read_token(&reader);
	}
	PG_CATCH();
	{
		/* Scanning takes nothing but memory, so that no subtransaction is needed. */
		if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION &&
			ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		FlushErrorState();
	}
	PG_END_TRY();
	dbm_token_end(&reader.stream);
}

void
dbm_code_read(const char *language, const char *source, DbmCode *code)
{
	memset(code, 0, sizeof(DbmCode));
	if (strcmp(language, "c") == 0)
		code->ends = true;
	else if (strcmp(language, "sql") == 0 || strcmp(language, "internal") == 0)
		return;
	else if (strcmp(language, "plpgsql") != 0)
		code->ends = has_word(source, "commit") || has_word(source, "rollback");
	else if (has_word(source, "commit") || has_word(source, "rollback") ||
			 has_word(source, "call") || has_word(source, "value"))
		read_text(code, source, 0);
}

bool
dbm_code_is_late(const char *language)
{
	return strcmp(language, "sql") != 0;
}

RangeVar *
dbm_code_name(const List *names)
{
	int length = list_length(names);
	char *schema = length > 1 ? pstrdup(strVal(list_nth(names, length - 2))) : NULL;

	return makeRangeVar(schema, pstrdup(strVal(llast(names))), -1);
}

static bool
is_word_byte(unsigned char byte)
{
	return isalnum(byte) || byte == '_' || IS_HIGHBIT_SET(byte);
}

bool
dbm_code_says(const char *text, Size length, const char *word)
{
	Size wanted = strlen(word);
	const char *end = text + length;

	if (wanted == 0)
		return length == 0;
	for (const char *at = text; at + wanted <= end; at++)
	{
		at = memchr(at, word[0], end - at - wanted + 1);
		if (at == NULL)
			return false;
		if (memcmp(at, word, wanted) == 0 &&
			(at == text || !is_word_byte(at[-1]) || !is_word_byte(word[0])) &&
			(at + wanted == end || !is_word_byte(at[wanted]) || !is_word_byte(word[wanted - 1])))
			return true;
	}
	return false;
}
