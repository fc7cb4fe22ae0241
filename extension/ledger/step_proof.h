/*
 * ledger/step_proof.h: what the catalogs prove about a statement that cannot
 * run in a transaction
 *
 * Nobody's word counts, neither the client's nor a worker's: the statement may
 * have ended half way, or be done although nobody lived to say so.
 */
#ifndef DBM_LEDGER_STEP_PROOF_H
#define DBM_LEDGER_STEP_PROOF_H

#include "nodes/parsenodes.h"

typedef enum DbmProofVerdict
{
	DBM_PROOF_DONE,
	DBM_PROOF_NOT_DONE,
	DBM_PROOF_PARTIAL, /* ended half way: cleanup and finish say what to do */
	DBM_PROOF_UNKNOWN /* a person has to look */
} DbmProofVerdict;

typedef struct DbmProof
{
	DbmProofVerdict verdict;
	const char *evidence; /* what was seen: sentences, never NULL */
	const char *cleanup; /* statement that takes away what is left, or NULL */
	const char *finish; /* statement that completes it, or NULL */
	bool repeatable; /* leaves no trace to prove it by (VACUUM, REINDEX), and
							 * may run again: not done means no more than that
							 * nothing stands in its way */
	int at_work; /* unknown because this process is at work on it now: it
							 * will be known when that has ended; else 0 */
} DbmProof;

/*
 * Tells what the catalogs say of this statement now.  To be asked with the
 * run's search_path and role in force, in a transaction that has not waited
 * since it began.  text is the source of the statement, which the locations in
 * its tree are offsets into.  Raises nothing for what does not exist, and takes
 * no lock that a concurrent build waits for, nor waits for one.  The strings
 * are in the memory context of the call.
 *
 * Before the statement: only "partial" matters.  Something is in the way (an
 * invalid index of this name, which IF NOT EXISTS would hide): run cleanup, or
 * finish in place of the statement, or stop.  "Done" then means that it was
 * before anybody ran it: let the server say so, in its words, and do not take
 * a later "done" for this run's.
 *
 * Behind it and on resume: "done" and "not done" are the outcome, except where
 * repeatable is set, where the word of the server that it has ended has to do.
 * There may be more than one thing to clean up: ask again after each.  Both
 * cleanup and finish run alone, outside a transaction.
 */
extern void dbm_step_prove(const RawStmt *statement, const char *text, DbmProof *proof);

/* The word for it in tables and messages. */
extern const char *dbm_proof_verdict_name(DbmProofVerdict verdict);

#endif /* DBM_LEDGER_STEP_PROOF_H */
