/*
 * ledger/tables.c: the tables of the ledger, as ledger.sql makes them
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "ledger/tables.h"

static const DbmColumn script_columns[DBM_SCRIPT_COLUMNS] = {
	[DBM_SCRIPT_DIGEST] = {"digest", BYTEAOID},
	[DBM_SCRIPT_CONTENT] = {"content", TEXTOID},
	[DBM_SCRIPT_LENGTH] = {"length", INT8OID},
	[DBM_SCRIPT_STORED_AT] = {"stored_at", TIMESTAMPTZOID},
};

const DbmTable dbm_script_table = {"script", script_columns, DBM_SCRIPT_COLUMNS, "script_pkey",
								   NULL};

static const DbmColumn change_columns[DBM_CHANGE_COLUMNS] = {
	[DBM_CHANGE_CHANGE] = {"change", TEXTOID},
	[DBM_CHANGE_KIND] = {"kind", TEXTOID},
	[DBM_CHANGE_STATE] = {"state", TEXTOID},
	[DBM_CHANGE_SCRIPT] = {"script", BYTEAOID},
	[DBM_CHANGE_TOKENS] = {"tokens", BYTEAOID},
	[DBM_CHANGE_ROLLBACK] = {"rollback", BYTEAOID},
	[DBM_CHANGE_APPROVAL] = {"approval", BYTEAOID},
	[DBM_CHANGE_HEADER] = {"header", JSONBOID},
	[DBM_CHANGE_CLAIMS] = {"claims", JSONBOID},
	[DBM_CHANGE_RECORDED_AT] = {"recorded_at", TIMESTAMPTZOID},
	[DBM_CHANGE_RECORDED_BY] = {"recorded_by", TEXTOID},
	[DBM_CHANGE_APPLIED_RUN] = {"applied_run", INT8OID},
};

const DbmTable dbm_change_table = {"change", change_columns, DBM_CHANGE_COLUMNS, "change_pkey",
								   NULL};

static const DbmColumn submission_columns[DBM_SUBMISSION_COLUMNS] = {
	[DBM_SUBMISSION_ID] = {"id", INT8OID},
	[DBM_SUBMISSION_CHANGE] = {"change", TEXTOID},
	[DBM_SUBMISSION_APPROVAL] = {"approval", BYTEAOID},
	[DBM_SUBMISSION_SCRIPT] = {"script", BYTEAOID},
	[DBM_SUBMISSION_ROLLBACK] = {"rollback", BYTEAOID},
	[DBM_SUBMISSION_HEADER] = {"header", JSONBOID},
	[DBM_SUBMISSION_CLAIMS] = {"claims", JSONBOID},
	[DBM_SUBMISSION_SUBMITTED_AT] = {"submitted_at", TIMESTAMPTZOID},
	[DBM_SUBMISSION_SUBMITTED_BY] = {"submitted_by", TEXTOID},
	[DBM_SUBMISSION_SUBMITTED_BY_OID] = {"submitted_by_oid", OIDOID},
};

const DbmTable dbm_submission_table = {"submission", submission_columns, DBM_SUBMISSION_COLUMNS,
									   "submission_pkey", "submission_id_seq"};

static const DbmColumn deployment_columns[DBM_DEPLOYMENT_COLUMNS] = {
	[DBM_DEPLOYMENT_ID] = {"id", INT8OID},
	[DBM_DEPLOYMENT_ENVIRONMENT] = {"environment", TEXTOID},
	[DBM_DEPLOYMENT_SINGLE] = {"single", BOOLOID},
	[DBM_DEPLOYMENT_MANIFEST] = {"manifest", JSONBOID},
	[DBM_DEPLOYMENT_CLAIMS] = {"claims", JSONBOID},
	[DBM_DEPLOYMENT_FINGERPRINT] = {"fingerprint", TEXTOID},
	[DBM_DEPLOYMENT_LAST_RUN] = {"last_run", INT8OID},
	[DBM_DEPLOYMENT_FOLLOWED] = {"followed", JSONBOID},
	[DBM_DEPLOYMENT_PROVENANCE] = {"provenance", TEXTOID},
	[DBM_DEPLOYMENT_STARTED_AT] = {"started_at", TIMESTAMPTZOID},
	[DBM_DEPLOYMENT_STARTED_BY] = {"started_by", TEXTOID},
	[DBM_DEPLOYMENT_STARTED_BY_OID] = {"started_by_oid", OIDOID},
	[DBM_DEPLOYMENT_APPLICATION_NAME] = {"application_name", TEXTOID},
	[DBM_DEPLOYMENT_CLIENT_ADDRESS] = {"client_address", TEXTOID},
	[DBM_DEPLOYMENT_BACKEND_PID] = {"backend_pid", INT4OID},
	[DBM_DEPLOYMENT_BACKEND_START] = {"backend_start", TIMESTAMPTZOID},
	[DBM_DEPLOYMENT_FINISHED_AT] = {"finished_at", TIMESTAMPTZOID},
	[DBM_DEPLOYMENT_OUTCOME] = {"outcome", TEXTOID},
};

const DbmTable dbm_deployment_table = {"deployment", deployment_columns, DBM_DEPLOYMENT_COLUMNS,
									   "deployment_pkey", "deployment_id_seq"};

static const DbmColumn deployment_change_columns[DBM_DEPLOYMENT_CHANGE_COLUMNS] = {
	[DBM_DEPLOYMENT_CHANGE_DEPLOYMENT] = {"deployment", INT8OID},
	[DBM_DEPLOYMENT_CHANGE_CHANGE] = {"change", TEXTOID},
	[DBM_DEPLOYMENT_CHANGE_ORDINAL] = {"ordinal", INT4OID},
	[DBM_DEPLOYMENT_CHANGE_HASH] = {"hash", BYTEAOID},
	[DBM_DEPLOYMENT_CHANGE_TOKENS] = {"tokens", BYTEAOID},
	[DBM_DEPLOYMENT_CHANGE_FOLLOWED] = {"followed", BYTEAOID},
};

const DbmTable dbm_deployment_change_table = {"deployment_change", deployment_change_columns,
											  DBM_DEPLOYMENT_CHANGE_COLUMNS,
											  "deployment_change_pkey", NULL};

static const DbmColumn fingerprint_columns[DBM_FINGERPRINT_COLUMNS] = {
	[DBM_FINGERPRINT_SINGLE] = {"single", BOOLOID},
	[DBM_FINGERPRINT_FINGERPRINT] = {"fingerprint", TEXTOID},
	[DBM_FINGERPRINT_LAST_RUN] = {"last_run", INT8OID},
	[DBM_FINGERPRINT_RECORDED_AT] = {"recorded_at", TIMESTAMPTZOID},
	[DBM_FINGERPRINT_RECORDED_BY] = {"recorded_by", TEXTOID},
};

const DbmTable dbm_fingerprint_table = {"fingerprint", fingerprint_columns, DBM_FINGERPRINT_COLUMNS,
										"fingerprint_pkey", NULL};

static const DbmColumn run_columns[DBM_RUN_COLUMNS] = {
	[DBM_RUN_ID] = {"id", INT8OID},
	[DBM_RUN_DEPLOYMENT] = {"deployment", INT8OID},
	[DBM_RUN_CHANGE] = {"change", TEXTOID},
	[DBM_RUN_DIRECTION] = {"direction", TEXTOID},
	[DBM_RUN_OUTCOME] = {"outcome", TEXTOID},
	[DBM_RUN_ENVIRONMENT] = {"environment", TEXTOID},
	[DBM_RUN_SCRIPT] = {"script", BYTEAOID},
	[DBM_RUN_STARTED_AT] = {"started_at", TIMESTAMPTZOID},
	[DBM_RUN_FINISHED_AT] = {"finished_at", TIMESTAMPTZOID},
	[DBM_RUN_DURATION] = {"duration", INT8OID},
	[DBM_RUN_STATEMENTS] = {"statements", INT4OID},
	[DBM_RUN_RUN_AS] = {"run_as", TEXTOID},
	[DBM_RUN_EXECUTED_BY] = {"executed_by", TEXTOID},
	[DBM_RUN_EXECUTED_BY_OID] = {"executed_by_oid", OIDOID},
	[DBM_RUN_APPLICATION_NAME] = {"application_name", TEXTOID},
	[DBM_RUN_CLIENT_ADDRESS] = {"client_address", TEXTOID},
	[DBM_RUN_TRANSACTION_ID] = {"transaction_id", INT8OID},
	[DBM_RUN_SNAPSHOT_BEFORE] = {"snapshot_before", INT8OID},
	[DBM_RUN_SNAPSHOT_AFTER] = {"snapshot_after", INT8OID},
	[DBM_RUN_PROVENANCE] = {"provenance", TEXTOID},
	[DBM_RUN_REASON] = {"reason", TEXTOID},
	[DBM_RUN_FAILED_STATEMENT] = {"failed_statement", INT4OID},
	[DBM_RUN_FAILED_LINE] = {"failed_line", INT4OID},
	[DBM_RUN_SQLSTATE] = {"sqlstate", TEXTOID},
	[DBM_RUN_MESSAGE] = {"message", TEXTOID},
	[DBM_RUN_DETAIL] = {"detail", TEXTOID},
	[DBM_RUN_HINT] = {"hint", TEXTOID},
	[DBM_RUN_BLOCKERS] = {"blockers", JSONBOID},
	[DBM_RUN_BACKEND_PID] = {"backend_pid", INT4OID},
	[DBM_RUN_BACKEND_START] = {"backend_start", TIMESTAMPTZOID},
};

const DbmTable dbm_run_table = {"run", run_columns, DBM_RUN_COLUMNS, "run_pkey", "run_id_seq"};

static const DbmColumn run_statement_columns[DBM_RUN_STATEMENT_COLUMNS] = {
	[DBM_RUN_STATEMENT_RUN] = {"run", INT8OID},
	[DBM_RUN_STATEMENT_ORDINAL] = {"ordinal", INT4OID},
	[DBM_RUN_STATEMENT_LINE] = {"line", INT4OID},
	[DBM_RUN_STATEMENT_TAG] = {"tag", TEXTOID},
	[DBM_RUN_STATEMENT_DURATION] = {"duration", INT8OID},
	[DBM_RUN_STATEMENT_ROWS] = {"rows", INT8OID},
};

const DbmTable dbm_run_statement_table = {"run_statement", run_statement_columns,
										  DBM_RUN_STATEMENT_COLUMNS, "run_statement_pkey", NULL};

static const DbmColumn run_object_columns[DBM_RUN_OBJECT_COLUMNS] = {
	[DBM_RUN_OBJECT_RUN] = {"run", INT8OID},
	[DBM_RUN_OBJECT_ORDINAL] = {"ordinal", INT4OID},
	[DBM_RUN_OBJECT_STATEMENT] = {"statement", INT4OID},
	[DBM_RUN_OBJECT_ACTION] = {"action", TEXTOID},
	[DBM_RUN_OBJECT_KIND] = {"kind", TEXTOID},
	[DBM_RUN_OBJECT_IDENTITY] = {"identity", TEXTOID},
	[DBM_RUN_OBJECT_TAG] = {"tag", TEXTOID},
};

const DbmTable dbm_run_object_table = {"run_object", run_object_columns, DBM_RUN_OBJECT_COLUMNS,
									   "run_object_pkey", NULL};

static const DbmColumn run_step_columns[DBM_RUN_STEP_COLUMNS] = {
	[DBM_RUN_STEP_RUN] = {"run", INT8OID},
	[DBM_RUN_STEP_ORDINAL] = {"ordinal", INT4OID},
	[DBM_RUN_STEP_PART] = {"part", INT4OID},
	[DBM_RUN_STEP_KIND] = {"kind", TEXTOID},
	[DBM_RUN_STEP_FIRST_STATEMENT] = {"first_statement", INT4OID},
	[DBM_RUN_STEP_LAST_STATEMENT] = {"last_statement", INT4OID},
	[DBM_RUN_STEP_LINE] = {"line", INT4OID},
	[DBM_RUN_STEP_SUBJECT] = {"subject", TEXTOID},
	[DBM_RUN_STEP_REASON] = {"reason", TEXTOID},
	[DBM_RUN_STEP_STATEMENT] = {"statement", TEXTOID},
	[DBM_RUN_STEP_DIGEST] = {"digest", BYTEAOID},
	[DBM_RUN_STEP_STATE] = {"state", TEXTOID},
	[DBM_RUN_STEP_PERMIT] = {"permit", UUIDOID},
	[DBM_RUN_STEP_EXPIRES_AT] = {"expires_at", TIMESTAMPTZOID},
	[DBM_RUN_STEP_BACKEND_PID] = {"backend_pid", INT4OID},
	[DBM_RUN_STEP_BACKEND_START] = {"backend_start", TIMESTAMPTZOID},
	[DBM_RUN_STEP_WORKER_PID] = {"worker_pid", INT4OID},
	[DBM_RUN_STEP_STARTED_AT] = {"started_at", TIMESTAMPTZOID},
	[DBM_RUN_STEP_FINISHED_AT] = {"finished_at", TIMESTAMPTZOID},
	[DBM_RUN_STEP_SQLSTATE] = {"sqlstate", TEXTOID},
	[DBM_RUN_STEP_MESSAGE] = {"message", TEXTOID},
	[DBM_RUN_STEP_DETAIL] = {"detail", TEXTOID},
	[DBM_RUN_STEP_EVIDENCE] = {"evidence", TEXTOID},
};

const DbmTable dbm_run_step_table = {"run_step", run_step_columns, DBM_RUN_STEP_COLUMNS,
									 "run_step_pkey", NULL};
