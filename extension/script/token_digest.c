/*
 * script/token_digest.c: SHA-256 over header fields and tokens
 *
 * Each token is one byte for its kind and a field (length, bytes).  Keywords
 * and unquoted names are of one kind, so that the digest stays when a later
 * server makes a keyword of a name.  Numbers and operators count as written.
 */
#include "postgres.h"

#include "port/pg_bswap.h"

#include "script/token_digest.h"

#define FORMAT "dbm-tokens-1"

#define KIND_HEADER 'h'
#define KIND_WORD 'w'
#define KIND_QUOTED_NAME 'q'
#define KIND_UNICODE_NAME 'U'
#define KIND_STRING 's'
#define KIND_UNICODE_STRING 'u'
#define KIND_BITS 'b'
#define KIND_OTHER 'o'
#define KIND_DATA 'd'
#define KIND_MARK ';'

/* Tokens are short and many: kind, length and bytes go in one call. */
#define SHORT 64

/*
 * Feeds a field whose bytes, once line ends are normalised, will be that many:
 * the bytes at hand if they are few, else only kind and length.
 */
static void
feed_start(DbmDigest *digest, char kind, uint64 length, const char *bytes, Size at_hand)
{
	char buffer[1 + sizeof(uint64) + SHORT];
	uint64 prefix = pg_hton64(length);

	buffer[0] = kind;
	memcpy(buffer + 1, &prefix, sizeof(prefix));
	memcpy(buffer + 1 + sizeof(prefix), bytes, at_hand);
	dbm_digest_bytes(digest, buffer, 1 + sizeof(prefix) + at_hand);
}

static void
feed_field(DbmDigest *digest, char kind, const char *bytes, Size length)
{
	if (length <= SHORT)
		feed_start(digest, kind, length, bytes, length);
	else
	{
		feed_start(digest, kind, length, bytes, 0);
		dbm_digest_bytes(digest, bytes, length);
	}
}

/* The next CR that belongs to a line end, or NULL. */
static const char *
find_crlf(const char *at, const char *end)
{
	while ((at = memchr(at, '\r', end - at)) != NULL)
	{
		if (at + 1 < end && at[1] == '\n')
			return at;
		at++;
	}
	return NULL;
}

/* Feeds text as a field, with CR LF as LF, without copying it. */
static void
feed_text(DbmDigest *digest, char kind, const char *text, Size length)
{
	const char *end = text + length;
	Size normal_length = length;
	const char *at;

	for (at = text; (at = find_crlf(at, end)) != NULL; at++)
		normal_length--;
	if (normal_length == length)
	{
		feed_field(digest, kind, text, length);
		return;
	}

	feed_start(digest, kind, normal_length, text, 0);
	while ((at = find_crlf(text, end)) != NULL)
	{
		dbm_digest_bytes(digest, text, at - text);
		text = at + 1;
	}
	dbm_digest_bytes(digest, text, end - text);
}

DbmDigest *
dbm_token_digest_begin(const List *header)
{
	DbmDigest *digest = dbm_digest_begin();
	ListCell *cell;

	dbm_digest_string(digest, FORMAT);
	foreach (cell, header)
	{
		DbmHeaderField *field = lfirst(cell);

		if (!field->known)
			continue;
		feed_field(digest, KIND_HEADER, field->key, strlen(field->key));
		feed_field(digest, KIND_HEADER, field->value, strlen(field->value));
	}
	return digest;
}

void
dbm_token_digest_token(DbmDigest *digest, const DbmTokenStream *stream, const DbmToken *token)
{
	char kind = KIND_OTHER;

	switch (token->code)
	{
		case DBM_TOKEN_SCONST:
			feed_text(digest, KIND_STRING, token->value, strlen(token->value));
			return;
		case DBM_TOKEN_USCONST:
			feed_text(digest, KIND_UNICODE_STRING, token->value, strlen(token->value));
			return;
		case DBM_TOKEN_IDENT:
			kind = dbm_token_is_word(stream, token) ? KIND_WORD : KIND_QUOTED_NAME;
			break;
		case DBM_TOKEN_UIDENT:
			kind = KIND_UNICODE_NAME;
			break;
		case DBM_TOKEN_BCONST:
		case DBM_TOKEN_XCONST:
			kind = KIND_BITS;
			break;
		default:
			if (token->code >= DBM_FIRST_KEYWORD)
				kind = KIND_WORD;
	}
	if (kind == KIND_OTHER)
		feed_field(digest, kind, stream->text + token->start, token->end - token->start);
	else
		feed_field(digest, kind, token->value, strlen(token->value));
}

void
dbm_token_digest_mark(DbmDigest *digest, const char *what)
{
	feed_field(digest, KIND_MARK, what, strlen(what));
}

void
dbm_token_digest_data(DbmDigest *digest, const char *data, Size length)
{
	feed_text(digest, KIND_DATA, data, length);
}
