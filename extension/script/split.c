/*
 * script/split.c: cutting a script into statements
 *
 * A statement ends where psql would end it: at a semicolon outside of
 * parentheses and of BEGIN ATOMIC bodies.  Each is parsed as soon as it is cut,
 * so that the first error in the script is the one that is reported, and so
 * that COPY is known by its parse tree before its data lines are skipped.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "parser/parser.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "core/errors.h"
#include "script/copy_data.h"
#include "script/finding.h"
#include "script/header.h"
#include "script/meta_command.h"
#include "script/note.h"
#include "script/parse.h"
#include "script/secret.h"
#include "script/token_digest.h"

/* psql looks at the first words to tell CREATE [OR REPLACE] FUNCTION. */
#define FIRST_WORDS 4

/* The scanner gives back its copy before a statement of this size is parsed. */
#define LARGE_STATEMENT (64 * 1024)

/* What has been seen of the statement that is being cut. */
typedef struct Piece
{
	Size start;
	Size end;
	int ntokens;
	int parentheses;
	int bodies; /* nesting of BEGIN and CASE in a routine's body */
	int words[FIRST_WORDS]; /* codes of the first words */
	int nwords;
	unsigned calls; /* DBM_CALLS_... */
	DbmSecretWatch secrets;
} Piece;

typedef struct Splitter
{
	DbmScript *script;
	DbmTokenStream stream;
	DbmScriptPlace place;
	DbmDigest *digest;
	MemoryContext result;
	MemoryContext parsing;
	int allocated;
	Piece piece;
	int nsettings; /* SET and RESET statements */
	int opening; /* ordinal of a plain BEGIN with only SET before it, or 0 */
	int closing; /* ordinal of a plain COMMIT with only SET behind it, or 0 */
	int ntransaction; /* statements that start like transaction control */
} Splitter;

static void
begin_piece(Splitter *splitter)
{
	memset(&splitter->piece, 0, sizeof(Piece));
	dbm_secret_begin(&splitter->piece.secrets);
}

/* Keeps a finding in the memory of the script. */
static void
add_finding(Splitter *splitter, const DbmFinding *finding)
{
	MemoryContext caller = MemoryContextSwitchTo(splitter->result);
	DbmFinding *kept = palloc(sizeof(DbmFinding));

	*kept = *finding;
	kept->subject = finding->subject ? pstrdup(finding->subject) : NULL;
	splitter->script->findings = lappend(splitter->script->findings, kept);
	MemoryContextSwitchTo(caller);
}

/* Keeps what the steps are cut by, in the memory of the script. */
static void
add_notes(Splitter *splitter, const RawStmt *parsed, const DbmStatement *statement)
{
	MemoryContext caller = MemoryContextSwitchTo(splitter->result);
	List *notes = dbm_notes_of_statement(parsed, statement, splitter->piece.calls);

	splitter->script->notes = list_concat(splitter->script->notes, notes);
	MemoryContextSwitchTo(caller);
}

/* Does the piece start like a routine, as psql sees it? */
static bool
is_routine(const Piece *piece)
{
	int at = 1;

	if (piece->nwords < 2 || piece->words[0] != DBM_KEYWORD_CREATE)
		return false;
	if (piece->words[1] == DBM_KEYWORD_OR && piece->nwords >= 4 &&
		piece->words[2] == DBM_KEYWORD_REPLACE)
		at = 3;
	return piece->words[at] == DBM_KEYWORD_FUNCTION || piece->words[at] == DBM_KEYWORD_PROCEDURE;
}

/* Counts parentheses and, in routines, BEGIN ... END; as psqlscan.l does. */
static void
count_nesting(Piece *piece, const DbmToken *token)
{
	if (token->code == '(')
		piece->parentheses++;
	else if (token->code == ')' && piece->parentheses > 0)
		piece->parentheses--;

	if (piece->parentheses > 0 || !is_routine(piece))
		return;
	if (token->code == DBM_KEYWORD_BEGIN_P)
		piece->bodies++;
	else if (token->code == DBM_KEYWORD_CASE && piece->bodies > 0)
		piece->bodies++;
	else if (token->code == DBM_KEYWORD_END_P && piece->bodies > 0)
		piece->bodies--;
}

/*
 * BEGIN and COMMIT are left out of the digest: one pair of them around the
 * script changes nothing, and with any other the script does not run.
 */
static bool
is_transaction_word(int word)
{
	return word == DBM_KEYWORD_BEGIN_P || word == DBM_KEYWORD_START || word == DBM_KEYWORD_COMMIT ||
		   word == DBM_KEYWORD_END_P;
}

static void
add_token(Splitter *splitter, const DbmToken *token)
{
	Piece *piece = &splitter->piece;
	Size secret;

	if (piece->ntokens++ == 0)
		piece->start = token->start;
	piece->end = token->end;
	if (dbm_token_is_word(&splitter->stream, token))
	{
		if (piece->nwords < FIRST_WORDS)
			piece->words[piece->nwords] = token->code;
		piece->nwords++;
	}
	if (token->code == DBM_TOKEN_IDENT)
		piece->calls |= dbm_note_call(token->value);
	count_nesting(piece, token);

	if (dbm_secret_next(&piece->secrets, &splitter->stream, token, &secret))
	{
		DbmFinding finding = {.kind = DBM_FINDING_SECRET};

		finding.ordinal = splitter->script->nstatements + 1;
		finding.line = dbm_script_line(splitter->script, secret);
		add_finding(splitter, &finding);
	}
	if (!is_transaction_word(piece->words[0]))
		dbm_token_digest_token(splitter->digest, &splitter->stream, token);
}

static bool
has_words(const Piece *piece, int first, int second)
{
	if (piece->ntokens != piece->nwords || piece->words[0] != first)
		return false;
	return piece->ntokens == (second ? 2 : 1) && (!second || piece->words[1] == second);
}

static bool
is_plain_begin(const Piece *piece)
{
	return has_words(piece, DBM_KEYWORD_BEGIN_P, 0) ||
		   has_words(piece, DBM_KEYWORD_BEGIN_P, DBM_KEYWORD_WORK) ||
		   has_words(piece, DBM_KEYWORD_BEGIN_P, DBM_KEYWORD_TRANSACTION) ||
		   has_words(piece, DBM_KEYWORD_START, DBM_KEYWORD_TRANSACTION);
}

static bool
is_plain_commit(const Piece *piece)
{
	int word = piece->words[0];

	return (word == DBM_KEYWORD_COMMIT || word == DBM_KEYWORD_END_P) &&
		   (has_words(piece, word, 0) || has_words(piece, word, DBM_KEYWORD_WORK) ||
			has_words(piece, word, DBM_KEYWORD_TRANSACTION));
}

static DbmStatement *
append_statement(Splitter *splitter, Size start, Size length)
{
	DbmScript *script = splitter->script;
	DbmStatement statement = {.kind = DBM_STATEMENT_SQL, .start = start, .length = length};

	if (script->nstatements == splitter->allocated)
	{
		splitter->allocated *= 2;
		script->statements = repalloc_huge(script->statements,
										   splitter->allocated * sizeof(DbmStatement));
	}
	statement.line = dbm_script_line(script, start);
	statement.ordinal = script->nstatements + 1;
	script->statements[script->nstatements] = statement;
	return &script->statements[script->nstatements++];
}

/* Appends the statement and what is found in its parse tree. */
static DbmStatement *
append_parsed(Splitter *splitter, const RawStmt *parsed, Size start, Size length)
{
	DbmStatement *statement = append_statement(splitter, start, length);
	DbmFinding finding = {.ordinal = statement->ordinal, .line = statement->line};
	const CopyStmt *copy = (const CopyStmt *) parsed->stmt;
	unsigned calls = splitter->piece.calls;

	if (dbm_finding_of_statement(parsed->stmt, calls & DBM_CALLS_SET_CONFIG, &finding))
		add_finding(splitter, &finding);
	add_notes(splitter, parsed, statement);
	if (IsA(copy, CopyStmt) && copy->is_from && !copy->is_program && copy->filename == NULL)
		statement->kind = DBM_STATEMENT_COPY_DATA;
	return statement;
}

/* First token at or after an offset. */
static Size
find_token(const DbmScript *script, Size offset)
{
	DbmTokenStream stream;
	DbmToken token;

	dbm_token_begin(&stream, script->text, script->length);
	dbm_token_seek(&stream, offset);
	(void) dbm_token_next(&stream, &token);
	dbm_token_end(&stream);
	return token.start;
}

/*
 * Parses the piece and appends what it holds: one statement, or, where counting
 * BEGIN and END as psql does joined several, each of them.
 */
static DbmStatement *
parse_piece(Splitter *splitter)
{
	const Piece *piece = &splitter->piece;
	DbmStatement whole = {.start = piece->start, .length = piece->end - piece->start};
	MemoryContext caller = MemoryContextSwitchTo(splitter->parsing);
	DbmStatement *last = NULL;
	List *parsed;
	ListCell *cell;
	const char *text;

	whole.line = dbm_script_line(splitter->script, whole.start);
	splitter->place.statement = &whole;
	splitter->place.base = whole.start;
	parsed = dbm_script_parse_piece(splitter->script, whole.start, whole.length, &text);

	foreach (cell, parsed)
	{
		RawStmt *statement = lfirst_node(RawStmt, cell);
		Size start = whole.start + statement->stmt_location;
		Size end = statement->stmt_len ? start + statement->stmt_len : piece->end;

		if (last && last->kind == DBM_STATEMENT_COPY_DATA)
			(void) dbm_copy_data_find(splitter->script, last, start);
		if (last)
			start = find_token(splitter->script, start);
		last = append_parsed(splitter, statement, start, Min(end, piece->end) - start);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(splitter->parsing);
	return last;
}

/* Keeps what unwrap goes by, before the piece is appended. */
static void
note_transaction(Splitter *splitter)
{
	const Piece *piece = &splitter->piece;
	int before = splitter->script->nstatements;

	if (piece->words[0] == DBM_KEYWORD_SET || piece->words[0] == DBM_KEYWORD_RESET)
		splitter->nsettings++;
	else
	{
		if (is_plain_begin(piece) && before == splitter->nsettings)
			splitter->opening = before + 1;
		splitter->closing = is_plain_commit(piece) ? before + 1 : 0;
	}

	if (is_transaction_word(piece->words[0]))
		splitter->ntransaction++;
	else
		dbm_token_digest_mark(splitter->digest, "");
}

/* Parses what has been cut; offset is where the semicolon ends. */
static void
end_piece(Splitter *splitter, Size offset)
{
	Piece *piece = &splitter->piece;
	DbmTokenStream *stream = &splitter->stream;
	Size length = piece->end - piece->start;
	DbmStatement *last;

	if (piece->ntokens == 0)
		return;
	if (length > LARGE_STATEMENT && length > (stream->limit - stream->base) / 8)
		dbm_token_seek(stream, offset);

	note_transaction(splitter);
	last = parse_piece(splitter);
	if (last->kind == DBM_STATEMENT_COPY_DATA)
	{
		splitter->place.statement = last;
		dbm_token_seek(stream, dbm_copy_data_find(splitter->script, last, offset));
		dbm_token_digest_data(splitter->digest, splitter->script->text + last->data_start,
							  last->data_length);
	}
	splitter->place.statement = NULL;
	splitter->place.base = stream->base;
	begin_piece(splitter);
}

static void
cut_statements(Splitter *splitter)
{
	const Piece *piece = &splitter->piece;
	DbmToken token;

	begin_piece(splitter);
	while (dbm_token_next(&splitter->stream, &token))
	{
		CHECK_FOR_INTERRUPTS();
		splitter->place.here = token.start;
		if (token.code == '\\')
			dbm_token_seek(&splitter->stream, dbm_meta_command_skip(splitter->script, token.start));
		else if (token.code == ';' && piece->parentheses == 0 && piece->bodies == 0)
			end_piece(splitter, token.end);
		else
			add_token(splitter, &token);
	}
	end_piece(splitter, splitter->script->length);
}

/* Takes a statement out, with what was found in it. */
static void
remove_statement(DbmScript *script, int ordinal)
{
	ListCell *cell;

	memmove(&script->statements[ordinal - 1], &script->statements[ordinal],
			(script->nstatements - ordinal) * sizeof(DbmStatement));
	script->nstatements--;
	for (int at = ordinal - 1; at < script->nstatements; at++)
		script->statements[at].ordinal--;

	foreach (cell, script->findings)
	{
		DbmFinding *finding = lfirst(cell);

		if (finding->ordinal == ordinal)
			script->findings = foreach_delete_current(script->findings, cell);
		else if (finding->ordinal > ordinal)
			finding->ordinal--;
	}
	foreach (cell, script->notes)
	{
		DbmNote *note = lfirst(cell);

		if (note->ordinal > ordinal)
			note->ordinal--;
	}
}

/*
 * Leaves out BEGIN and COMMIT around the whole.  Only settings may stand
 * outside of them.  COMMIT alone at the end means the same; BEGIN alone would
 * not: psql rolls back what is never committed.
 */
static void
unwrap(Splitter *splitter)
{
	DbmScript *script = splitter->script;

	script->wrapped = splitter->closing > 0;
	script->one_transaction = script->wrapped && splitter->opening > 0;
	if (script->wrapped)
	{
		remove_statement(script, splitter->closing);
		splitter->ntransaction--;
		if (splitter->opening > 0)
		{
			remove_statement(script, splitter->opening);
			splitter->ntransaction--;
		}
	}
	if (splitter->ntransaction > 0)
		dbm_token_digest_mark(splitter->digest, "transaction control");
}

static void
require_standard_strings(void)
{
	if (!standard_conforming_strings)
		ereport(ERROR, (errcode(ERRCODE_DBM_TRANSACTION_STATE),
						errmsg("cannot read a script while standard_conforming_strings is off"),
						errdetail("A backslash would change where its strings end."),
						errhint("Run: SET standard_conforming_strings = on;")));
}

/* Editors on Windows put it there; to the scanner it would be a name. */
static Size
measure_byte_order_mark(const char *text, Size length)
{
	static const char mark[] = {'\xEF', '\xBB', '\xBF'};

	if (GetDatabaseEncoding() == PG_UTF8 && length >= sizeof(mark) &&
		memcmp(text, mark, sizeof(mark)) == 0)
		return sizeof(mark);
	return 0;
}

DbmScript *
dbm_script_read(const char *text, Size length, const DbmScriptRules *rules)
{
	DbmScript *script = palloc0(sizeof(DbmScript));
	Size start = measure_byte_order_mark(text, length);
	Splitter splitter = {.script = script, .result = CurrentMemoryContext, .allocated = 64};
	MemoryContext working;
	int level;

	require_standard_strings();
	script->text = text;
	script->length = length;
	script->name = rules->name;
	script->rollback = rules->rollback;
	script->header = dbm_header_read(text + start, length - start);
	script->statements = palloc(splitter.allocated * sizeof(DbmStatement));

	working = AllocSetContextCreate(CurrentMemoryContext, "dbmaestro script",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(working);
	level = dbm_script_silence();
	dbm_script_place_begin(&splitter.place, script, NULL);
	splitter.place.reading = true;
	splitter.parsing = AllocSetContextCreate(working, "dbmaestro parse", ALLOCSET_DEFAULT_SIZES);
	splitter.digest = dbm_token_digest_begin(script->header);
	dbm_token_begin(&splitter.stream, text, length);
	splitter.stream.place = &splitter.place;
	dbm_token_seek(&splitter.stream, start);

	cut_statements(&splitter);
	unwrap(&splitter);

	dbm_digest_end(splitter.digest, script->tokens_digest);
	dbm_script_place_end(&splitter.place);
	AtEOXact_GUC(false, level);
	MemoryContextSwitchTo(splitter.result);
	MemoryContextDelete(working);
	dbm_digest_of(text, length, script->bytes_digest);
	return script;
}
