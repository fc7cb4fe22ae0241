/*
 * cli/queries.h: all that we ask a server, one function for each
 *
 * The results are the server's: connection_expect takes them.  Names of
 * parameters and columns are those of doc/reference.md.
 */
#ifndef DBM_CLI_QUERIES_H
#define DBM_CLI_QUERIES_H

#include "connection.h"

/* Finds the extension; false if it is not there or too old, with the reason in fault. */
extern bool queries_locate(Connection *connection, ConnectionFault *fault);

/* dbm_status: one row. */
extern PGresult *queries_status(Connection *connection);

/* dbm_plan: ordinal, change, state, detail, last_run.  followed is a dbm_manifest, or NULL. */
extern PGresult *queries_plan(Connection *connection, const char *manifest, const char *followed);

/* dbm_deployment_start: the number. */
extern PGresult *queries_deployment_start(Connection *connection, const char *manifest,
										  const char *claims, const char *followed);

extern PGresult *queries_deployment_finish(Connection *connection, const char *deployment,
										   const char *outcome);

extern PGresult *queries_rollback(Connection *connection);

/*
 * The same into a pipeline; each counts as one command and gets one result.
 * dbm_apply returns outcome, run, statements, duration.
 */
extern void queries_send_begin(Connection *connection);
extern void queries_send_commit(Connection *connection);
extern void queries_send_apply(Connection *connection, const char *change, const char *script,
							   size_t script_length, const char *rollback, size_t rollback_length,
							   const char *deployment);
extern void queries_send_deployment_finish(Connection *connection, const char *deployment,
										   const char *outcome);

#endif							/* DBM_CLI_QUERIES_H */
