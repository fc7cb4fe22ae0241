/*
 * cli/header.h: "-- Key: value" lines at the top of a script
 *
 * Only for advice before a database is there: what a header means, the server
 * decides by its own reading.
 */
#ifndef DBM_CLI_HEADER_H
#define DBM_CLI_HEADER_H

typedef struct HeaderField
{
	char *key;
	char *value;
	int line;
} HeaderField;

typedef struct Header
{
	HeaderField *fields;
	int count;
} Header;

extern Header header_read(const char *script);

/* The value of a key, or NULL. */
extern const char *header_value(const Header *header, const char *key);

/* The key as the server spells it if this is one in another case, else NULL. */
extern const char *header_misspelled(const char *key);

/* Calls the function for each name of a list separated by commas or line ends. */
extern void header_each_name(const char *value, void (*act)(void *context, const char *name),
							 void *context);

#endif							/* DBM_CLI_HEADER_H */
