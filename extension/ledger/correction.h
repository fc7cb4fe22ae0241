/*
 * ledger/correction.h: a rollback script that is sent anew while a change is partial
 */
#ifndef DBM_LEDGER_CORRECTION_H
#define DBM_LEDGER_CORRECTION_H

#include "fmgr.h"

#include "core/table.h"
#include "script/script.h"

/*
 * Takes the rollback script of the third argument of fcinfo, which belongs to
 * the script of the fourth, if that is given, in place of the stored one:
 * stores it and records that.  begun is the rollback under way, or NULL: what
 * it has done the script must begin with.  Returns the script, or NULL if none
 * is given or it is the stored one; raises if it cannot take its place.
 */
extern DbmScript *dbm_correction_take(FunctionCallInfo fcinfo, const char *change,
									  const DbmRow *begun);

/*
 * Plans the run of the script that takes the place of the one of run begun:
 * what is done stands on record of the new run as well, and all behind it is
 * cut into steps.  Writes their rows, and returns the steps (DbmStep *).
 */
extern List *dbm_correction_plan(const DbmRow *begun, const DbmScript *script, int64 run);

#endif							/* DBM_LEDGER_CORRECTION_H */
