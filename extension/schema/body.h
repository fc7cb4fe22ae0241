/*
 * schema/body.h: the canonical form of an object: tagged values
 *
 * A body is a sequence of entries
 *
 *     tag SPACE length COLON value NEWLINE
 *
 * where length counts the bytes of value, and a value may itself be a body.
 * What has its default value is left out.  No quoting, so two bodies are equal
 * exactly when their properties are; and people can read it.
 */
#ifndef DBM_SCHEMA_BODY_H
#define DBM_SCHEMA_BODY_H

#include "lib/stringinfo.h"

/* Version of everything that goes into a hash; a new one makes every hash new. */
#define DBM_SCHEMA_FORMAT "dbm1"

/* Appends an entry; a NULL value is left out. */
extern void dbm_body_text(StringInfo body, const char *tag, const char *value);
extern void dbm_body_bytes(StringInfo body, const char *tag, const char *value, int length);
extern void dbm_body_integer(StringInfo body, const char *tag, int64 value);
extern void dbm_body_letter(StringInfo body, const char *tag, char value);

/* Appends "yes" when true, nothing when false. */
extern void dbm_body_flag(StringInfo body, const char *tag, bool value);

/* Between open and close everything appended becomes the value of one entry. */
extern int dbm_body_open(StringInfo body);
extern void dbm_body_close(StringInfo body, const char *tag, int opened);

#endif							/* DBM_SCHEMA_BODY_H */
