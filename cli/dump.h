/*
 * cli/dump.h: pg_dump, the program
 */
#ifndef DBM_CLI_DUMP_H
#define DBM_CLI_DUMP_H

#include "connection.h"

/*
 * Finds a pg_dump for the server: of its major version or a newer one.  given
 * is its path, or NULL to look beside this program and along PATH.  Ends the
 * program if there is none.
 */
extern char *dump_find_program(const char *given, const Connection *connection);

/*
 * The schema of the database that connection is to, as pg_dump prints it; NULL
 * if that failed, which has been said, or an interrupt came.
 */
extern char *dump_schema(const char *program, Connection *connection);

#endif							/* DBM_CLI_DUMP_H */
