/*
 * cli/parameters.h: statements with parameters, for the files of queries
 */
#ifndef DBM_CLI_PARAMETERS_H
#define DBM_CLI_PARAMETERS_H

#include "catalog/pg_type_d.h"

#include "connection.h"
#include "message.h"

/* Parameters of one statement. */
typedef struct Parameters
{
	int count;
	Oid types[8];
	const char *values[8];
	int lengths[8];
	int formats[8];
} Parameters;

static inline void
add_text(Parameters *parameters, Oid type, const char *value)
{
	int at = parameters->count++;

	parameters->types[at] = type;
	parameters->values[at] = value;
}

/* The bytes as they are: what they may not hold, the server says. */
static inline void
add_bytes(Parameters *parameters, const char *value, size_t length)
{
	int at = parameters->count++;

	if (length > PG_INT32_MAX / 2)
		message_die(EXIT_ERROR, "Split it.", "a script of %zu bytes is too large", length);
	parameters->types[at] = TEXTOID;
	parameters->values[at] = value;
	parameters->lengths[at] = (int) length;
	parameters->formats[at] = 1;
}

/* Sends the statement, showing it if --echo wants that, and waits for its result. */
extern PGresult *parameters_ask(Connection *connection, const char *sql,
								const Parameters *parameters);

#endif							/* DBM_CLI_PARAMETERS_H */
