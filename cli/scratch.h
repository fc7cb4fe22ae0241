/*
 * cli/scratch.h: an empty database in which a script shows what it makes
 */
#ifndef DBM_CLI_SCRATCH_H
#define DBM_CLI_SCRATCH_H

#include "connection.h"

typedef struct Scratch Scratch;

/*
 * Opens the database that conninfo leads to, or, where that is NULL, makes one
 * on the server of the environment, which is dropped when the program ends,
 * however it does.  Ends the program if there is none to be had.  In it are the
 * extension, in the same schema as there, and nothing else.
 */
extern Scratch *scratch_open(Connection *environment, const char *conninfo);

/* What the database is called in messages. */
extern const char *scratch_name(const Scratch *scratch);

/*
 * Applies the script and takes it back.  Between both it asks for the root hash
 * and the objects of dbm_objects.  NULL with the server's error in error, if
 * the script could not be applied.
 */
extern PGresult *scratch_build(Scratch *scratch, const char *change, const char *script,
							   size_t length, char **root, PGresult **error);

/* Drops it now if it was made. */
extern void scratch_close(Scratch *scratch);

#endif							/* DBM_CLI_SCRATCH_H */
