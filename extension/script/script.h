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
	DBM_STATEMENT_SQL,			/* goes through the executor or ProcessUtility */
	DBM_STATEMENT_COPY_DATA		/* COPY ... FROM STDIN with the lines that follow it */
} DbmStatementKind;

typedef struct DbmStatement
{
	DbmStatementKind kind;
	int			ordinal;		/* 1-based */
	Size		start;			/* byte offset of the first token in the script */
	Size		length;			/* bytes, without the semicolon */
	int			line;			/* 1-based line of the first token */
	Size		data_start;		/* COPY: first byte of the data lines */
	Size		data_length;	/* COPY: bytes up to the line holding \. */
} DbmStatement;

typedef struct DbmHeaderField
{
	const char *key;			/* as spelled in the canonical table if known, else as written */
	const char *value;
	bool		known;
	int			line;
} DbmHeaderField;

typedef struct DbmScript
{
	const char *text;			/* terminated by NUL; owned by the caller */
	Size		length;
	List	   *header;			/* of DbmHeaderField *, in order */
	DbmStatement *statements;
	int			nstatements;
	uint8		bytes_digest[DBM_DIGEST_LENGTH];	/* SHA-256 of the bytes */
	uint8		tokens_digest[DBM_DIGEST_LENGTH];	/* without white space and comments */
} DbmScript;

/* What dbm_script_check refuses. */
typedef struct DbmScriptRules
{
	const char *name;			/* change, for messages */
	bool		rollback;		/* it is the rollback script: says so in messages */
	bool		allow_secrets;
} DbmScriptRules;

/*
 * Reads a script: header, statements with positions, digests.  Each statement
 * is parsed once, so a syntax error anywhere is raised here, with the server's
 * message and "line L, column C" in the context.  Allocates in the current
 * context; text must outlive the result.
 */
extern DbmScript *dbm_script_read(const char *text, Size length, const DbmScriptRules *rules);

/*
 * Raises for whatever must not run: nothing to run, transaction control inside,
 * psql meta-commands, role switches, statements that cannot run in a
 * transaction, literals that are secrets ...  Called before the first statement.
 */
extern void dbm_script_check(const DbmScript *script, const DbmScriptRules *rules);

/*
 * Parses one statement for execution.  Returns the raw parse tree and in *text
 * a palloc'd, terminated copy of its source; locations in the tree are byte
 * offsets into *text.
 */
extern RawStmt *dbm_script_parse(const DbmScript *script, const DbmStatement *statement,
								 const char **text);

/* Value of a header field by its canonical key ("Description"), or NULL. */
extern const char *dbm_script_header(const DbmScript *script, const char *key);

/* Line and column (1-based, column in characters) of a byte offset. */
extern void dbm_script_position(const DbmScript *script, Size offset, int *line, int *column);

/*
 * The approval hash: SHA-256 over format, change, script, rollback and target
 * environment.
 */
extern void dbm_approval_digest(const char *change, const DbmScript *script,
								const DbmScript *rollback, const char *environment,
								uint8 *result);

#endif							/* DBM_SCRIPT_SCRIPT_H */
