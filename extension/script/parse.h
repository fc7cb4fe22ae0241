/*
 * script/parse.h: the server's parser on a piece of a script
 */
#ifndef DBM_SCRIPT_PARSE_H
#define DBM_SCRIPT_PARSE_H

#include "script/script.h"

/*
 * Returns a list of RawStmt *, and in *text the source that they point into:
 * palloc'd, or the script's own text where nothing follows the piece.
 */
extern List *dbm_script_parse_piece(const DbmScript *script, Size start, Size length,
									const char **text);

/*
 * Keeps notices of the scanner back until AtEOXact_GUC(false, level), level
 * being what is returned.  The server says some things each time it scans a
 * name, such as that it is too long: once is enough, when the statement runs.
 */
extern int dbm_script_silence(void);

#endif /* DBM_SCRIPT_PARSE_H */
