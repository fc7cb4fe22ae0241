/*
 * script/token_digest.h: what a script says, whatever its layout
 */
#ifndef DBM_SCRIPT_TOKEN_DIGEST_H
#define DBM_SCRIPT_TOKEN_DIGEST_H

#include "script/token.h"

/* Starts the digest with the known fields of the header. */
extern DbmDigest *dbm_token_digest_begin(const List *header);

/* Feeds one token. */
extern void dbm_token_digest_token(DbmDigest *digest, const DbmTokenStream *stream,
								   const DbmToken *token);

/* Feeds a mark: the end of a statement, or what the tokens do not say. */
extern void dbm_token_digest_mark(DbmDigest *digest, const char *what);

/* Feeds the data lines of a COPY. */
extern void dbm_token_digest_data(DbmDigest *digest, const char *data, Size length);

#endif /* DBM_SCRIPT_TOKEN_DIGEST_H */
