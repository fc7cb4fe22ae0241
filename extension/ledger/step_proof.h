/*
 * ledger/step_proof.h: stand-in
 */
#ifndef DBM_LEDGER_STEP_PROOF_H
#define DBM_LEDGER_STEP_PROOF_H

#include "nodes/parsenodes.h"

typedef enum DbmProofVerdict
{
	DBM_PROOF_DONE,
	DBM_PROOF_NOT_DONE,
	DBM_PROOF_PARTIAL,
	DBM_PROOF_UNKNOWN
} DbmProofVerdict;

typedef struct DbmProof
{
	DbmProofVerdict verdict;
	const char *evidence;
	const char *cleanup;
	const char *finish;
} DbmProof;

extern void dbm_step_prove(const RawStmt *statement, const char *text, DbmProof *proof);

typedef struct DbmStepPart
{
	bool single;
	const char *text;
} DbmStepPart;

extern List *dbm_step_parts(const RawStmt *statement, const char *text);

#endif
