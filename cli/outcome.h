/*
 * cli/outcome.h: what became of several changes, done one after the other
 */
#ifndef DBM_CLI_OUTCOME_H
#define DBM_CLI_OUTCOME_H

#include <jansson.h>

#include "libpq-fe.h"

/*
 * Prints the rows; as JSON one object of the facts, the rows under "changes"
 * and the server's error (NULL if there was none).  Takes facts and rows.
 */
extern void outcome_print(json_t *facts, PGresult *rows, const PGresult *error);

#endif							/* DBM_CLI_OUTCOME_H */
