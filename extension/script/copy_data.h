/*
 * script/copy_data.h: the data lines behind COPY ... FROM STDIN
 */
#ifndef DBM_SCRIPT_COPY_DATA_H
#define DBM_SCRIPT_COPY_DATA_H

#include "script/script.h"

/*
 * Finds the data of a COPY whose semicolon ends at offset: from the next line
 * to the line that holds \. alone.  Fills data_start and data_length, returns
 * the offset behind that line.  Raises if there is anything else on the line of
 * the semicolon, or no end.
 */
extern Size dbm_copy_data_find(const DbmScript *script, DbmStatement *statement, Size offset);

#endif /* DBM_SCRIPT_COPY_DATA_H */
