/*
 * ledger/step_parts.h: stand-in
 */
#ifndef DBM_LEDGER_STEP_PARTS_H
#define DBM_LEDGER_STEP_PARTS_H

#include "nodes/parsenodes.h"

typedef struct DbmStepPart
{
	bool single;
	const char *text;
} DbmStepPart;

extern List *dbm_step_parts(const RawStmt *statement, const char *text);

#endif
