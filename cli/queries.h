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

/* dbm_plan: ordinal, change, state, detail, last_run.  followed is a dbm_manifest, or NULL. */
extern PGresult *queries_plan(Connection *connection, const char *manifest, const char *followed);

/* dbm_deployment_start: the number. */
extern PGresult *queries_deployment_start(Connection *connection, const char *manifest,
										  const char *claims, const char *followed);

extern PGresult *queries_lock_patience(Connection *connection);
extern PGresult *queries_deployment_finish(Connection *connection, const char *deployment,
										   const char *outcome);

extern PGresult *queries_rollback(Connection *connection);

/* dbm_manifest: what is applied, in the order in which it was, as JSON. */
extern PGresult *queries_manifest(Connection *connection);

/* dbm_submit: the approval hash. */
extern PGresult *queries_submit(Connection *connection, const char *change, const char *script,
								size_t script_length, const char *rollback, size_t rollback_length,
								const char *claims);

/* dbm_rollback: outcome, run, statements, duration. */
/* For a change that does not run in one transaction: outcome, run, statements. */
extern PGresult *queries_apply_in_steps(Connection *connection, const char *change,
										const char *script, size_t script_length,
										const char *rollback, size_t rollback_length,
										const char *deployment);
extern PGresult *queries_resume(Connection *connection, const char *change,
								const char *interrupted, const char *reason);

/* dbm_unfinished: change, direction, state, place, evidence, wants_word; of all changes, or of one. */
extern PGresult *queries_unfinished(Connection *connection, const char *change);

extern PGresult *queries_rollback_in_steps(Connection *connection, const char *change,
										   const char *reason);
/* The same with the scripts of a commit, of which the first may have been corrected. */
extern PGresult *queries_rollback_corrected(Connection *connection, const char *change,
											const char *reason, const char *rollback,
											size_t rollback_length, const char *script,
											size_t script_length);

/* The steps of a script: step, kind, line, subject, reason, statements. */
extern void queries_send_steps(Connection *connection, const char *script, size_t length);

/* What runs in place of a statement outside a transaction: kind, statement; no rows: it itself. */
extern void queries_send_step_parts(Connection *connection, const char *statement);

extern PGresult *queries_rollback_change(Connection *connection, const char *change,
										 const char *reason);

/*
 * Of dbm_status: the newest deployment, its state, commit and ref, when and by
 * whom it was started, the environment that it was promoted from, and the
 * change at which it was to end.
 */
extern PGresult *queries_last_deployment(Connection *connection);

/* --- environments ---------------------------------------------------------------- */

/* Of dbm_status: environment, identity, guard, guard_in_force, tier, applied. */
extern PGresult *queries_standing(Connection *connection);

/* dbm_guard: the mode in force. */
extern PGresult *queries_guard(Connection *connection, const char *mode, bool preload);

extern PGresult *queries_attach(Connection *connection, const char *reason,
								const char *environment);

/* dbm_reset: environment, changes, objects, deployment, root_before, root_after. */
extern PGresult *queries_reset(Connection *connection, const char *reason);

/* dbm_snapshot: snapshot, label. */
extern PGresult *queries_snapshot(Connection *connection, const char *label);

/* dbm_doctor: environment, check_name, health, finding, advice. */
extern PGresult *queries_doctor(Connection *connection);

/* --- a baseline (queries_baseline.c) ------------------------------------------------ */

/* dbm_schema_hash. */
extern PGresult *queries_schema_hash(Connection *connection);

/* dbm_objects: kind, identity, hash, shape, extra; in order of kind and identity, byte by byte. */
extern PGresult *queries_objects(Connection *connection);

/* dbm_baseline: outcome, run, root_after. */
extern PGresult *queries_baseline(Connection *connection, const char *change, const char *script,
								  size_t length, const char *rollback, size_t rollback_length,
								  const char *claims, const char *root);

extern PGresult *queries_begin(Connection *connection);
extern PGresult *queries_commit(Connection *connection);

/*
 * One row: the options by which a database like this one is made, whether it
 * has a schema public, and whether it has settings (ALTER DATABASE ... SET).
 */
extern PGresult *queries_likeness(Connection *connection);

/* The value of a setting of the environment, no row if it is as initially. */
extern PGresult *queries_setting(Connection *connection, const char *setting);

/* One row: the locks that making all relations takes, and those that the server has room for. */
extern PGresult *queries_locks(Connection *connection);

/* Names of databases of proofs that did not come to their end. */
extern PGresult *queries_strangers(Connection *connection);
extern PGresult *queries_leftovers(Connection *connection);

extern PGresult *queries_create_database(Connection *connection, const char *name,
										 const char *likeness);
extern PGresult *queries_drop_database(Connection *connection, const char *name);

/* The extension, its functions in the schema of this quoted name. */
extern PGresult *queries_create_extension_in(Connection *connection, const char *schema);

/* dbm_apply alone: outcome, root_after. */
extern PGresult *queries_apply(Connection *connection, const char *change, const char *script,
							   size_t length);

/* --- the record ------------------------------------------------------------------- */

/* Which rows are wanted; NULL: whatever it is. */
typedef struct RecordFilter
{
	const char *since;			/* times, as the server reads them */
	const char *until;
	const char *change;
	const char *role;
	const char *among;			/* kinds of events, or outcomes of runs, separated by commas */
	const char *limit;			/* NULL: all */
} RecordFilter;

/* Sends for the trail, newest first: what matters for a reader, or all columns.  PQgetResult has it. */
extern void queries_send_audit(Connection *connection, const RecordFilter *filter, bool whole);

/* change_history, in the same way. */
extern void queries_send_history(Connection *connection, const RecordFilter *filter, bool whole);

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
