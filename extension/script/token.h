/*
 * script/token.h: the tokens of a text, by the server's own scanner
 *
 * The scanner wants a copy of what it scans.  The stream hands it the text in
 * segments that end before a line starting with a backslash, so that a script
 * of many COPY blocks is not copied once per block, and joins segments where a
 * literal or comment reaches across such a line.
 */
#ifndef DBM_SCRIPT_TOKEN_H
#define DBM_SCRIPT_TOKEN_H

#include "parser/scanner.h"

#include "core/compat.h"
#include "script/script.h"

/*
 * Token codes: 0 at the end of the text, a character for itself, the constants
 * below in the order of gram.y (plpgsql's grammar relies on it too), and one
 * code per keyword of this server.
 */
enum
{
	DBM_TOKEN_IDENT = 258,
	DBM_TOKEN_UIDENT,
	DBM_TOKEN_FCONST,
	DBM_TOKEN_SCONST,
	DBM_TOKEN_USCONST,
	DBM_TOKEN_BCONST,
	DBM_TOKEN_XCONST,
	DBM_TOKEN_OP,
	DBM_TOKEN_ICONST,
	DBM_TOKEN_PARAM,
	DBM_TOKEN_TYPECAST,
	DBM_TOKEN_DOT_DOT,
	DBM_TOKEN_COLON_EQUALS,
	DBM_TOKEN_EQUALS_GREATER,
	DBM_TOKEN_LESS_EQUALS,
	DBM_TOKEN_GREATER_EQUALS,
	DBM_TOKEN_NOT_EQUALS,

	DBM_FIRST_KEYWORD = 1000
};

#define PG_KEYWORD(name, value, category, label) DBM_KEYWORD_##value,
enum
{
	DBM_BEFORE_KEYWORDS = DBM_FIRST_KEYWORD - 1,
#include "parser/kwlist.h"
};
#undef PG_KEYWORD

typedef struct DbmToken
{
	int code;
	Size start; /* byte offsets into the text */
	Size end;
	const char *value; /* of names, keywords and constants, else NULL; valid
								 * until the next token is read */
} DbmToken;

typedef struct DbmTokenStream
{
	const char *text; /* terminated by NUL */
	Size length;
	Size position; /* end of the token last read */
	Size base; /* the segment that is open: [base, limit) */
	Size limit;
	core_yyscan_t scanner; /* NULL: no segment is open */
	core_yy_extra_type extra;
	MemoryContext memory;
	char *value; /* to be freed before the next token */
	DbmScriptPlace *place; /* keeps the place of errors, or NULL */
} DbmTokenStream;

/* Starts reading text; memory comes as a child of the current context. */
extern void dbm_token_begin(DbmTokenStream *stream, const char *text, Size length);

/* Reads the next token; false at the end.  Raises what the scanner raises. */
extern bool dbm_token_next(DbmTokenStream *stream, DbmToken *token);

/* Continues at another offset; gives back the memory of the open segment. */
extern void dbm_token_seek(DbmTokenStream *stream, Size position);

extern void dbm_token_end(DbmTokenStream *stream);

/* Is it a keyword or a name written without quotes? */
extern bool dbm_token_is_word(const DbmTokenStream *stream, const DbmToken *token);

/* Is it a string constant, of whatever spelling? */
extern bool dbm_token_is_string(const DbmToken *token);

/* Re-throws the error being caught, its message cut to a sane length. */
DBM_NORETURN extern void dbm_rethrow_shortened(MemoryContext context);

#endif /* DBM_SCRIPT_TOKEN_H */
