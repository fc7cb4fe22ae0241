/*
 * cli/print.h: results on standard output, in the format that --format names
 */
#ifndef DBM_CLI_PRINT_H
#define DBM_CLI_PRINT_H

#include <jansson.h>

#include "libpq-fe.h"

/* Values of --format. */
extern const char *const print_formats[];

/* Chooses the format; the name is one of print_formats. */
extern void print_set_format(const char *name);
extern bool print_is_json(void);

/* Is it one that people read?  Else scripts do, and want to have all. */
extern bool print_is_for_people(void);

/*
 * Prints rows: a table as psql prints it, CSV with the keys as header, a JSON
 * array of objects, JSON lines one object in each line ...  The title is
 * printed above tables only.
 */
extern void print_rows(const PGresult *rows, const char *title);

/*
 * The same for rows that come in several results, the first and the last of
 * which may be the same or empty.  Only where print_takes_parts says so may
 * there be more than one.
 */
extern bool print_takes_parts(void);
extern void print_part(const PGresult *rows, const char *title, bool first, bool last);

/* The rows as a JSON array of objects: numbers, booleans and JSON as what they are. */
extern json_t *print_rows_as_json(const PGresult *rows);

/* Prints the value and frees it. */
extern void print_json(json_t *value);

/* Has standard output been closed, or is there no room? */
extern bool print_has_failed(void);

/* Ends standard output; false if something could not be written, and says so. */
extern bool print_end(void);

#endif							/* DBM_CLI_PRINT_H */
