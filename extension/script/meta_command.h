/*
 * script/meta_command.h: what psql would do itself
 */
#ifndef DBM_SCRIPT_META_COMMAND_H
#define DBM_SCRIPT_META_COMMAND_H

#include "script/script.h"

/*
 * Returns the offset behind the line of a meta-command that a dump holds and
 * that means nothing here; raises ERRCODE_DBM_SCRIPT_REFUSED for any other.
 * offset is that of the backslash.
 */
extern Size dbm_meta_command_skip(const DbmScript *script, Size offset);

#endif /* DBM_SCRIPT_META_COMMAND_H */
