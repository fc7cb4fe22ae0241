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

/* One row: is the extension in this database? */
extern PGresult *queries_extension_exists(Connection *connection);

extern PGresult *queries_create_extension(Connection *connection);

/* One row: environment, follows, run_as; NULL before dbm_init. */
extern PGresult *queries_environment(Connection *connection);

extern PGresult *queries_init(Connection *connection, const char *environment,
							  const char *follows, const char *run_as);

extern PGresult *queries_configure(Connection *connection, const char *setting,
								   const char *value);

/* One row: was the capability given to this very role already? */
extern PGresult *queries_is_granted(Connection *connection, const char *capability,
									const char *role);

extern PGresult *queries_grant(Connection *connection, const char *capability, const char *role);

/* dbm_status: one row. */
extern PGresult *queries_status(Connection *connection);

/* One row: changes whose last run failed, and deployments that were interrupted. */
extern PGresult *queries_troubles(Connection *connection);

/* dbm_plan: ordinal, change, state, detail, and last_run where fingerprints are known. */
extern PGresult *queries_plan(Connection *connection, const char *manifest);

/* dbm_deployment_start: the number. */
extern PGresult *queries_deployment_start(Connection *connection, const char *manifest,
										  const char *claims);

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
