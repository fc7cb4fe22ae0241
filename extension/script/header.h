/*
 * script/header.h: the fields at the top of a script
 */
#ifndef DBM_SCRIPT_HEADER_H
#define DBM_SCRIPT_HEADER_H

#include "script/script.h"

/*
 * Reads the "-- Key: value" lines of the leading comment block; blank lines
 * may stand between them.  Returns a list of DbmHeaderField *.
 */
extern List *dbm_header_read(const char *text, Size length);

#endif /* DBM_SCRIPT_HEADER_H */
