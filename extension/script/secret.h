/*
 * script/secret.h: passwords written into a script
 */
#ifndef DBM_SCRIPT_SECRET_H
#define DBM_SCRIPT_SECRET_H

#include "script/token.h"

/* What has been seen of one statement. */
typedef struct DbmSecretWatch
{
	char previous[32]; /* last name or keyword, "" if anything else came since */
	int ntokens;
	bool creates; /* it starts with CREATE */
	bool options; /* OPTIONS came: option names may be followed by secrets */
	bool connects; /* a function of dblink came: strings may be conninfo */
	bool has_body; /* DO or CREATE FUNCTION: strings may be code */
} DbmSecretWatch;

/* Forgets the statement; to be called at the start of each. */
extern void dbm_secret_begin(DbmSecretWatch *watch);

/*
 * Looks at the next token.  Returns true if it is, or as code holds, a literal
 * that is a secret, and where in *offset.
 */
extern bool dbm_secret_next(DbmSecretWatch *watch, const DbmTokenStream *stream,
							const DbmToken *token, Size *offset);

/*
 * Could this piece of text show a secret?  Rather too often yes than once no:
 * it decides what error messages quote, also of text that cannot be parsed.
 */
extern bool dbm_secret_may_show(const char *text, Size length);

#endif /* DBM_SCRIPT_SECRET_H */
