/*
 * schema/body.c: tagged values, length before value
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "schema/body.h"

/* Writes "tag length:" to prefix (64 bytes are enough for our tags); returns its length. */
static int
make_prefix(char *prefix, const char *tag, int length)
{
	char *at = prefix;
	size_t tag_length = strlen(tag);

	Assert(tag_length < 40);
	memcpy(at, tag, tag_length);
	at += tag_length;
	*at++ = ' ';
	at += pg_ltoa(length, at);
	*at++ = ':';
	return at - prefix;
}

void
dbm_body_bytes(StringInfo body, const char *tag, const char *value, int length)
{
	char prefix[64];

	appendBinaryStringInfo(body, prefix, make_prefix(prefix, tag, length));
	appendBinaryStringInfo(body, value, length);
	appendStringInfoChar(body, '\n');
}

void
dbm_body_text(StringInfo body, const char *tag, const char *value)
{
	if (value)
		dbm_body_bytes(body, tag, value, strlen(value));
}

void
dbm_body_integer(StringInfo body, const char *tag, int64 value)
{
	char digits[MAXINT8LEN + 1];

	dbm_body_bytes(body, tag, digits, pg_lltoa(value, digits));
}

void
dbm_body_letter(StringInfo body, const char *tag, char value)
{
	dbm_body_bytes(body, tag, &value, 1);
}

void
dbm_body_flag(StringInfo body, const char *tag, bool value)
{
	if (value)
		dbm_body_bytes(body, tag, "yes", 3);
}

int
dbm_body_open(StringInfo body)
{
	return body->len;
}

void
dbm_body_close(StringInfo body, const char *tag, int opened)
{
	char prefix[64];
	int length = body->len - opened;
	int prefix_length = make_prefix(prefix, tag, length);

	/* the length is known only now: make room for it before the value */
	enlargeStringInfo(body, prefix_length + 1);
	memmove(body->data + opened + prefix_length, body->data + opened, length);
	memcpy(body->data + opened, prefix, prefix_length);
	body->len += prefix_length;
	appendStringInfoChar(body, '\n');
}
