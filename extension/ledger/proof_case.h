/*
 * ledger/proof_case.h: the cases of step_proof.c, a function for each
 *
 * Each is given the statement's own node and fills the proof, which comes as
 * "not done" without evidence.
 */
#ifndef DBM_LEDGER_PROOF_CASE_H
#define DBM_LEDGER_PROOF_CASE_H

#include "ledger/step_proof.h"

/* Sets verdict and evidence. */
extern void dbm_proof_say(DbmProof *proof, DbmProofVerdict verdict, const char *format, ...)
	pg_attribute_printf(3, 4);

/* proof_index.c */
extern void dbm_proof_create_index(const Node *node, const char *text, DbmProof *proof);
extern void dbm_proof_drop_index(const Node *node, const char *text, DbmProof *proof);

/* proof_reindex.c */
extern void dbm_proof_reindex(const Node *node, const char *text, DbmProof *proof);

/* proof_partition.c */
extern void dbm_proof_detach(const Node *node, const char *text, DbmProof *proof);
extern void dbm_proof_attach_index(const Node *node, const char *text, DbmProof *proof);

/* proof_shared.c */
extern void dbm_proof_create_database(const Node *node, const char *text, DbmProof *proof);
extern void dbm_proof_drop_database(const Node *node, const char *text, DbmProof *proof);
extern void dbm_proof_move_database(const Node *node, const char *text, DbmProof *proof);
extern void dbm_proof_create_tablespace(const Node *node, const char *text, DbmProof *proof);
extern void dbm_proof_drop_tablespace(const Node *node, const char *text, DbmProof *proof);
extern void dbm_proof_alter_system(const Node *node, const char *text, DbmProof *proof);

/* proof_subscription.c */
extern void dbm_proof_create_subscription(const Node *node, const char *text, DbmProof *proof);
extern void dbm_proof_alter_subscription(const Node *node, const char *text, DbmProof *proof);
extern void dbm_proof_drop_subscription(const Node *node, const char *text, DbmProof *proof);

#endif /* DBM_LEDGER_PROOF_CASE_H */
