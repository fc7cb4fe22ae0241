/*
 * script/token.c: core_yylex over segments of a text
 */
#include "postgres.h"

#include "common/keywords.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "script/token.h"

/* The scanner quotes the token it stumbled over, however long that is. */
#define LONGEST_MESSAGE 300

#define PG_KEYWORD(name, value, category, label) DBM_KEYWORD_##value,
static const uint16 keyword_codes[] = {
#include "parser/kwlist.h"
};
#undef PG_KEYWORD

/* Where the next line that starts with a backslash begins, at or after offset from. */
static Size
find_backslash_line(const DbmTokenStream *stream, Size from)
{
	const char *end = stream->text + stream->length;
	const char *at = stream->text + Min(from, stream->length);

	while ((at = memchr(at, '\\', end - at)) != NULL)
	{
		if (at == stream->text || at[-1] == '\n')
			return at - stream->text;
		at++;
	}
	return stream->length;
}

static void
close_segment(DbmTokenStream *stream)
{
	stream->scanner = NULL;
	stream->value = NULL;
	MemoryContextReset(stream->memory);
}

/* Opens a segment of at least that many bytes where the last token ended. */
static void
open_segment(DbmTokenStream *stream, Size minimum)
{
	MemoryContext caller;
	const char *source;

	close_segment(stream);
	stream->base = stream->position;
	stream->limit = find_backslash_line(stream, stream->base + minimum);
	if (stream->place)
		stream->place->base = stream->base;

	/* The scanner copies what it is given: our own copy need not stay. */
	caller = MemoryContextSwitchTo(stream->memory);
	source = stream->text + stream->base;
	if (stream->limit < stream->length)
		source = pnstrdup(source, stream->limit - stream->base);
	stream->scanner = scanner_init(source, &stream->extra, &ScanKeywords, keyword_codes);
	if (stream->limit < stream->length)
		pfree(unconstify(char *, source));
	MemoryContextSwitchTo(caller);
}

void
dbm_token_begin(DbmTokenStream *stream, const char *text, Size length)
{
	memset(stream, 0, sizeof(DbmTokenStream));
	stream->text = text;
	stream->length = length;
	stream->memory = AllocSetContextCreate(CurrentMemoryContext, "dbmaestro scanner",
										   ALLOCSET_DEFAULT_SIZES);
}

void
dbm_token_end(DbmTokenStream *stream)
{
	MemoryContextDelete(stream->memory);
	stream->scanner = NULL;
}

void
dbm_token_seek(DbmTokenStream *stream, Size position)
{
	close_segment(stream);
	stream->position = position;
}

/*
 * Did the error context leave out the source of a syntax error, because it
 * could show a secret?  Then the message must not quote it either.
 */
static bool
is_hidden(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_SYNTAX_ERROR && error->cursorpos == 0 &&
		   error->internalquery == NULL;
}

void
dbm_rethrow_shortened(MemoryContext context)
{
	ErrorData *error;
	const char *quoted;
	int length;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	length = error->message ? strlen(error->message) : 0;
	quoted = length > 0 ? strchr(error->message, '"') : NULL;
	if (quoted && is_hidden(error))
		error->message = psprintf("%.*s\"...\"", (int) (quoted - error->message), error->message);
	else if (length > LONGEST_MESSAGE)
		error->message = psprintf("%.*s...", pg_mbcliplen(error->message, length, LONGEST_MESSAGE),
								  error->message);
	FlushErrorState();
	ReThrowError(error);
}

/*
 * Lets the scanner read one token.  Returns false if the segment ended inside
 * a literal or comment.
 *
 * The error is swallowed without a subtransaction: scanning takes nothing but
 * memory, and that is the segment's.
 */
static bool
scan_token(DbmTokenStream *stream, core_YYSTYPE *value, int *code, int *location)
{
	MemoryContext caller = MemoryContextSwitchTo(stream->memory);
	bool may_be_cut = stream->limit < stream->length;
	volatile bool whole = true;

	if (stream->place)
		stream->place->silent = may_be_cut;
	PG_TRY();
	{
		*code = core_yylex(value, location, stream->scanner);
	}
	PG_CATCH();
	{
		if (!may_be_cut || geterrcode() != ERRCODE_SYNTAX_ERROR)
			dbm_rethrow_shortened(caller);
		MemoryContextSwitchTo(stream->memory);
		FlushErrorState();
		whole = false;
	}
	PG_END_TRY();
	if (stream->place)
		stream->place->silent = false;
	MemoryContextSwitchTo(caller);
	return whole;
}

/* Puts the scanner's token into ours. */
static void
fill_token(DbmTokenStream *stream, DbmToken *token, const core_YYSTYPE *value, int location)
{
	token->start = stream->base + location;

	/* The scanner has put a NUL behind the token, until it is called again. */
	token->end = token->start + strlen(stream->extra.scanbuf + location);
	stream->position = token->end;

	if (token->code >= DBM_TOKEN_IDENT && token->code <= DBM_TOKEN_OP)
		token->value = stream->value = value->str;
	else if (token->code >= DBM_FIRST_KEYWORD)
		token->value = value->keyword;
	else
		token->value = NULL;
}

bool
dbm_token_next(DbmTokenStream *stream, DbmToken *token)
{
	core_YYSTYPE value;
	int location;

	if (stream->value)
		pfree(stream->value);
	stream->value = NULL;

	for (;;)
	{
		if (stream->scanner == NULL)
			open_segment(stream, 1);

		if (!scan_token(stream, &value, &token->code, &location))
		{
			/* Grows at least twofold each time: the copying stays linear. */
			open_segment(stream, 2 * (stream->limit - stream->base));
		}
		else if (token->code != 0)
		{
			fill_token(stream, token, &value, location);
			return true;
		}
		else if (stream->limit < stream->length)
			dbm_token_seek(stream, stream->limit);
		else
		{
			token->start = token->end = stream->length;
			token->value = NULL;
			return false;
		}
	}
}

bool
dbm_token_is_word(const DbmTokenStream *stream, const DbmToken *token)
{
	return token->code >= DBM_FIRST_KEYWORD ||
		   (token->code == DBM_TOKEN_IDENT && stream->text[token->start] != '"');
}

bool
dbm_token_is_string(const DbmToken *token)
{
	return token->code == DBM_TOKEN_SCONST || token->code == DBM_TOKEN_USCONST;
}
