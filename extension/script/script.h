/*
 * script/script.h: a migration script as the server sees it
 *
 * Text in, statements with positions, header fields and hashes out.  Nothing
 * here touches a table.
 */
#ifndef DBM_SCRIPT_SCRIPT_H
#define DBM_SCRIPT_SCRIPT_H

#include "core/digest.h"
#include "nodes/parsenodes.h"

typedef enum DbmStatementKind
{
	DBM_STATEMENT_SQL, /* goes through the executor or ProcessUtility */
	DBM_STATEMENT_COPY_DATA /* COPY ... FROM STDIN with the lines that follow it */
} DbmStatementKind;

typedef struct DbmStatement
{
	DbmStatementKind kind;
	int ordinal; /* 1-based */
	Size start; /* byte offset of the first token in the script */
	Size length; /* bytes, without the semicolon */
	int line; /* 1-based line of the first token */
	Size data_start; /* COPY: first byte of the data lines */
	Size data_length; /* COPY: bytes up to the line holding \. */
} DbmStatement;

typedef struct DbmHeaderField
{
	const char *key; /* as spelled in the canonical table if known, else as written */
	const char *value;
	bool known;
	int line;
} DbmHeaderField;

typedef struct DbmScript
{
	const char *text; /* terminated by NUL; owned by the caller */
	Size length;
	const char *name; /* change, for messages; NULL: not said */
	bool rollback; /* it is the rollback script: says so in messages */
	List *header; /* of DbmHeaderField *, in order */
	DbmStatement *statements;
	int nstatements;
	bool wrapped; /* came in BEGIN ... COMMIT, or ends in COMMIT: left out above */
	bool one_transaction; /* the BEGIN was there, too: its author wants one transaction */
	List *findings; /* of DbmFinding *, what dbm_script_check refuses */
	List *notes; /* of DbmNote *, what the steps are cut by */
	uint8 bytes_digest[DBM_DIGEST_LENGTH]; /* SHA-256 of the bytes */
	uint8 tokens_digest[DBM_DIGEST_LENGTH]; /* without white space and comments */
} DbmScript;

/* Whose script it is, for messages, and what dbm_script_check lets through. */
typedef struct DbmScriptRules
{
	const char *name; /* change; NULL: the messages say "script" */
	bool rollback; /* it is the rollback script */
	bool allow_secrets;
	bool allow_empty;
	bool in_steps; /* statements that cannot run in a transaction run as steps of their own */
} DbmScriptRules;

/*
 * Reads a script: header, statements with positions, digests.  Each statement
 * is parsed once, so a syntax error anywhere is raised here, with the server's
 * message and "line L, column C" in the context; so are psql meta-commands and
 * COPY data without an end, behind which nothing can be cut for certain.
 * Raises ERRCODE_DBM_TRANSACTION_STATE where standard_conforming_strings is
 * off.  Allocates in the current context; text and rules->name must outlive
 * the result.
 */
extern DbmScript *dbm_script_read(const char *text, Size length, const DbmScriptRules *rules);

/*
 * Raises for whatever must not run: nothing to run, transaction control
 * inside, role switches, literals that are secrets, statements that cannot run
 * in a transaction unless the script may run in steps ...  Called before the
 * first statement.
 */
extern void dbm_script_check(const DbmScript *script, const DbmScriptRules *rules);

/*
 * Parses one statement for execution.  Returns the raw parse tree and in *text
 * its terminated source, palloc'd or, for the last statement, the rest of the
 * script's own text; locations in the tree are byte offsets into *text, which
 * is what analysis and execution must be given as the source.  The error
 * context of dbm_script_place_begin is to be in force.
 */
extern RawStmt *dbm_script_parse(const DbmScript *script, const DbmStatement *statement,
								 const char **text);

/* The header field that this key names in whatever case, or NULL. */
extern const char *dbm_script_key(const char *key, Size length);

/* Value of a header field by its canonical key ("Description"), or NULL. */
extern const char *dbm_script_header(const DbmScript *script, const char *key);

/* Line of a byte offset, 1-based. */
extern int dbm_script_line(const DbmScript *script, Size offset);

/* Line and column (1-based, column in characters) of a byte offset. */
extern void dbm_script_position(const DbmScript *script, Size offset, int *line, int *column);

/*
 * Error context for work on one statement, from dbm_script_parse to the end of
 * its execution.  While it is in force every message gets the context line
 * "change "x", statement 3 at line 12" (and the column where the server gave a
 * position), and a position in the statement is turned into an internal one
 * with the piece of the script around it: without that, clients would point
 * into the text of the call that runs the script.  An error drops it with the
 * error context stack; the struct lives in the caller's frame.
 */
typedef struct DbmScriptPlace
{
	const DbmScript *script;
	const DbmStatement *statement; /* NULL while the script is being cut */
	Size base; /* byte offset that the server calls position 1 */
	Size here; /* where cutting has come to */
	bool reading; /* not running: no statement number */
	bool silent; /* the error is going to be swallowed */
	ErrorContextCallback callback;
} DbmScriptPlace;

extern void dbm_script_place_begin(DbmScriptPlace *place, const DbmScript *script,
								   const DbmStatement *statement);
extern void dbm_script_place_end(DbmScriptPlace *place);

/*
 * The approval hash: SHA-256 over format, change, script, rollback and target
 * environment.
 */
extern void dbm_approval_digest(const char *change, const DbmScript *script,
								const DbmScript *rollback, const char *environment, uint8 *result);

#endif /* DBM_SCRIPT_SCRIPT_H */
