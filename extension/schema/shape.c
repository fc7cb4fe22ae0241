/*
 * schema/shape.c: an object but for the text of its expressions
 */
#include "postgres.h"

#include "schema/body.h"
#include "schema/shape.h"

/* Tags of what the server deparses. */
static const char *const expressions[] = {
	"check",	  "default", "definition", "expression", "predicate",
	"query",	  "sql_body", "using",	   "when",		 "where",
};

/* One entry of a body. */
typedef struct Entry
{
	const char *tag;
	int tag_length;
	const char *value;
	int length;
} Entry;

/* Reads an entry; false if the text is no body. */
static bool
read_entry(const char **at, const char *end, Entry *entry)
{
	const char *blank = memchr(*at, ' ', end - *at);
	char *colon;
	long length;

	if (blank == NULL || blank == *at || blank + 1 >= end || !isdigit((unsigned char) blank[1]))
		return false;
	length = strtol(blank + 1, &colon, 10);
	if (colon >= end || *colon != ':' || length < 0 || length >= end - colon - 1 ||
		colon[1 + length] != '\n')
		return false;
	entry->tag = *at;
	entry->tag_length = blank - *at;
	entry->value = colon + 1;
	entry->length = (int) length;
	*at = entry->value + length + 1;
	return true;
}

static bool
is_expression(const Entry *entry)
{
	for (int at = 0; at < lengthof(expressions); at++)
	{
		if (strlen(expressions[at]) == entry->tag_length &&
			memcmp(expressions[at], entry->tag, entry->tag_length) == 0)
			return true;
	}
	return false;
}

/* Is the value itself a body? */
static bool
is_body(const char *text, int length)
{
	const char *at = text;
	Entry entry;

	while (at < text + length)
	{
		if (!read_entry(&at, text + length, &entry))
			return false;
	}
	return length > 0;
}

static void
digest_body(DbmDigest *digest, const char *body, int length)
{
	const char *at = body;
	Entry entry;

	while (at < body + length && read_entry(&at, body + length, &entry))
	{
		dbm_digest_field(digest, entry.tag, entry.tag_length);
		if (is_expression(&entry))
			continue;
		if (is_body(entry.value, entry.length))
			digest_body(digest, entry.value, entry.length);
		else
			dbm_digest_field(digest, entry.value, entry.length);
	}
	dbm_digest_string(digest, NULL);
}

void
dbm_shape_digest(const char *body, int length, uint8 *result)
{
	DbmDigest *digest = dbm_digest_begin();

	digest_body(digest, body, length);
	dbm_digest_end(digest, result);
}
