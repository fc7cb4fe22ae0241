/*
 * script/temporary_use.h: who uses a temporary relation that is gone
 */
#ifndef DBM_SCRIPT_TEMPORARY_USE_H
#define DBM_SCRIPT_TEMPORARY_USE_H

#include "script/note.h"

/*
 * Names a temporary relation that the script makes above statement first, the
 * first one of a step, and that a statement of this step uses; NULL: none.
 */
extern const char *dbm_temporary_used(const DbmScript *script, const DbmStatement *statement,
									  int first);

#endif /* DBM_SCRIPT_TEMPORARY_USE_H */
