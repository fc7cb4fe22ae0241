/*
 * ledger/unfinished.c: what is known of a run that did not come to its end
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/xact.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/digest.h"
#include "core/errors.h"
#include "ledger/change.h"
#include "ledger/run.h"
#include "ledger/step.h"
#include "ledger/step_part.h"
#include "ledger/step_proof.h"
#include "ledger/tables.h"
#include "ledger/unfinished.h"
#include "pipeline/doctor.h"

/* ---- on record ---- */

static void
note_step(DbmUnfinished *unfinished, const DbmRow *row)
{
	unfinished->step = DatumGetInt32(row->values[DBM_RUN_STEP_ORDINAL]);
	unfinished->statement = DatumGetInt32(row->values[DBM_RUN_STEP_FIRST_STATEMENT]);
	unfinished->line = DatumGetInt32(row->values[DBM_RUN_STEP_LINE]);
	unfinished->step_state = dbm_row_text(row, DBM_RUN_STEP_STATE);
	unfinished->evidence = dbm_row_text(row, DBM_RUN_STEP_EVIDENCE);
}

/* Finds the first step that is not done. */
static void
read_steps(DbmUnfinished *unfinished)
{
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	ScanKeyData key;
	DbmScan *scan;

	ScanKeyInit(&key, DBM_RUN_STEP_RUN + 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(unfinished->run));
	scan = dbm_scan_begin(&dbm_run_step_table, dbm_run_step_table.primary_key, 1, &key);
	while (dbm_scan_next(scan, row))
	{
		if (DatumGetInt32(row->values[DBM_RUN_STEP_PART]) >= DBM_STEP_REPAIR)
			continue;
		unfinished->steps = DatumGetInt32(row->values[DBM_RUN_STEP_ORDINAL]);
		if (unfinished->step == 0 && !dbm_step_is(row, "done") && !dbm_step_is(row, "adopted"))
			note_step(unfinished, row);
	}
	dbm_scan_end(scan);
}

static const char *
describe(const DbmUnfinished *unfinished)
{
	const char *script = unfinished->rollback ? "rollback script, " : "";

	if (unfinished->step == 0)
		return psprintf("%s%s, all %d steps are done", script, unfinished->state,
						unfinished->steps);
	return psprintf("%s%s at step %d of %d, statement %d at line %d", script, unfinished->state,
					unfinished->step, unfinished->steps, unfinished->statement, unfinished->line);
}

bool
dbm_unfinished_read(const char *change, DbmUnfinished *unfinished)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmRow *run = dbm_row_make(&dbm_run_table);

	memset(unfinished, 0, sizeof(DbmUnfinished));
	if (!dbm_change_find(change, row, NULL) || !dbm_run_of_change(row, run))
		return false;
	unfinished->change = change;
	unfinished->run = dbm_row_int64(run, DBM_RUN_ID);
	unfinished->rollback = strcmp(dbm_row_text(run, DBM_RUN_DIRECTION), "rollback") == 0;
	unfinished->state = dbm_row_text(run, DBM_RUN_OUTCOME);
	if (strcmp(unfinished->state, "running") == 0 &&
		!dbm_run_is_alive(DatumGetInt32(run->values[DBM_RUN_BACKEND_PID]),
						  DatumGetTimestampTz(run->values[DBM_RUN_BACKEND_START])))
		unfinished->state = "interrupted";
	read_steps(unfinished);
	unfinished->where = describe(unfinished);
	return true;
}

/* A group that failed was rolled back; of a single statement that failed, something may be there. */
static bool
may_be_there(const DbmRow *step)
{
	if (dbm_step_is(step, "failed"))
		return strcmp(dbm_row_text(step, DBM_RUN_STEP_KIND), "single") == 0;
	return !dbm_step_is(step, "planned") && !dbm_step_is(step, "intended");
}

bool
dbm_unfinished_left_anything(const DbmRow *run)
{
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	bool left = false;
	ScanKeyData key;
	DbmScan *scan;

	if (strcmp(dbm_row_text(run, DBM_RUN_OUTCOME), "failed") == 0)
		return false;
	ScanKeyInit(&key, DBM_RUN_STEP_RUN + 1, BTEqualStrategyNumber, F_INT8EQ,
				run->values[DBM_RUN_ID]);
	scan = dbm_scan_begin(&dbm_run_step_table, dbm_run_step_table.primary_key, 1, &key);
	while (!left && dbm_scan_next(scan, row))
		left = may_be_there(row);
	dbm_scan_end(scan);
	return left;
}

bool
dbm_unfinished_require_same(const DbmChange *change, const DbmRow *row, DbmRow *run)
{
	uint8 digest[DBM_DIGEST_LENGTH];

	if (!dbm_run_of_change(row, run))
		elog(ERROR, "change \"%s\" is partial without a run", change->name);
	if (strcmp(dbm_row_text(run, DBM_RUN_DIRECTION), "deploy") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DBM_PARTIAL),
				 errmsg("change \"%s\" is rolled back in part", change->name),
				 errdetail("Some steps of its rollback script are done."),
				 errhint("Run CALL dbm_resume(%s); first.", quote_literal_cstr(change->name))));
	(void) dbm_row_digest(run, DBM_RUN_SCRIPT, digest);
	if (memcmp(digest, change->script->bytes_digest, DBM_DIGEST_LENGTH) == 0)
		return true;
	if (dbm_unfinished_left_anything(run))
		ereport(ERROR,
				(errcode(ERRCODE_DBM_PARTIAL_CHECKSUM),
				 errmsg("change \"%s\" is applied in part, with other content", change->name),
				 errdetail("Some of its steps are done.  Applied: SHA-256 %s; now: %s.",
						   dbm_hex(digest, DBM_DIGEST_LENGTH),
						   dbm_hex(change->script->bytes_digest, DBM_DIGEST_LENGTH)),
				 errhint("Go on with what was sent then: CALL dbm_resume(%s); or run CALL "
						 "dbm_rollback_in_steps(%s); first.",
						 quote_literal_cstr(change->name), quote_literal_cstr(change->name))));
	return false;
}

/* ---- in the catalog ---- */

/* The first part of the step that is not done. */
static bool
find_part(const DbmUnfinished *unfinished, DbmRow *row)
{
	ItemPointerData tid;

	for (int part = 1; dbm_step_find(unfinished->run, unfinished->step, part, row, &tid); part++)
	{
		if (!dbm_step_is(row, "done") && !dbm_step_is(row, "adopted"))
			return true;
	}
	return false;
}

/* Is the step more than the statement that the script has? */
static bool
is_expanded(const DbmUnfinished *unfinished)
{
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	ItemPointerData tid;

	return dbm_step_find(unfinished->run, unfinished->step, 2, row, &tid);
}

/* What our own rows prove without a question to the catalog; or NULL. */
static char *
prove_by_record(const DbmRow *row)
{
	if (strcmp(dbm_row_text(row, DBM_RUN_STEP_KIND), "single") == 0)
		return row->nulls[DBM_RUN_STEP_STATEMENT]
				   ? pstrdup("It was not begun: no intent is on record.")
				   : NULL;
	/* of one that failed more is on record */
	return dbm_step_is(row, "planned")
			   ? pstrdup("Nothing of it is there: it would be on record in the same transaction.")
			   : dbm_row_text(row, DBM_RUN_STEP_EVIDENCE);
}

static DbmScript *
read_script(const DbmUnfinished *unfinished)
{
	DbmRow *run = dbm_row_make(&dbm_run_table);
	DbmScriptRules rules = {.name = unfinished->change,
							.rollback = unfinished->rollback,
							.allow_secrets = true,
							.allow_empty = true,
							.in_steps = true};
	uint8 digest[DBM_DIGEST_LENGTH];
	Size length;
	char *text;

	if (!dbm_table_get_int64(&dbm_run_table, unfinished->run, run, NULL) ||
		!dbm_row_digest(run, DBM_RUN_SCRIPT, digest))
		elog(ERROR, "run " INT64_FORMAT " is gone", unfinished->run);
	text = dbm_script_content(digest, &length);
	return dbm_script_read(text, length, &rules);
}

/*
 * The role of the script; where none is configured, the one that ran it: what is
 * called on the way is never run by whoever looks.
 */
static Oid
role_of_run(const DbmUnfinished *unfinished)
{
	DbmRow *row = dbm_row_make(&dbm_run_table);
	Oid role = dbm_run_role(unfinished->change);

	if (OidIsValid(role))
		return role;
	if (!dbm_table_get_int64(&dbm_run_table, unfinished->run, row, NULL) ||
		dbm_row_text(row, DBM_RUN_RUN_AS) == NULL)
		return InvalidOid;
	return get_role_oid(dbm_row_text(row, DBM_RUN_RUN_AS), true);
}

static char *
prove(DbmUnfinished *unfinished)
{
	DbmRow *row = dbm_row_make(&dbm_run_step_table);
	DbmExecution execution = {0};
	DbmExecutionPlace place;
	DbmProof proof;
	char *text;

	if (!find_part(unfinished, row))
		return NULL;
	text = prove_by_record(row);
	if (text || strcmp(dbm_row_text(row, DBM_RUN_STEP_KIND), "single") != 0)
		return text;
	text = dbm_row_text(row, DBM_RUN_STEP_STATEMENT);
	execution.looks = true;
	execution.run_as = role_of_run(unfinished);
	if (!OidIsValid(execution.run_as))
		return NULL;
	execution.settings_script = read_script(unfinished);
	execution.settings = dbm_script_settings(execution.settings_script, unfinished->statement);
	dbm_execution_enter(&execution, &place);
	dbm_step_prove(dbm_step_parse(text), text, &proof);
	dbm_execution_leave(&place);
	unfinished->wants_word = dbm_part_wants_word(&proof, is_expanded(unfinished), row);
	return proof.evidence ? pstrdup(proof.evidence) : NULL;
}

/* In a subtransaction: whoever asks how things stand is told the rest if this fails. */
char *
dbm_unfinished_prove(DbmUnfinished *unfinished)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char *volatile evidence = NULL;

	if (unfinished->step == 0 || strcmp(unfinished->state, "running") == 0)
		return NULL;
	BeginInternalSubTransaction("dbmaestro_proof");
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		evidence = prove(unfinished);
		PopActiveSnapshot();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
	}
	PG_CATCH();
	{
		ErrorData *edata;

		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(edata);
		evidence = psprintf("The catalog cannot be asked: %s.", edata->message);
	}
	PG_END_TRY();
	CurrentResourceOwner = owner;
	return evidence;
}

/* ---- dbm_doctor ---- */

static void
report_one(DbmDoctorReport *report, const DbmRow *row)
{
	DbmUnfinished unfinished;
	char *change = dbm_row_text(row, DBM_CHANGE_CHANGE);

	if (!dbm_unfinished_read(change, &unfinished))
		return;
	if (strcmp(unfinished.state, "running") == 0)
		dbm_doctor_report(report, "steps", DBM_HEALTH_INFO,
						  psprintf("change \"%s\": %s", change, unfinished.where), NULL);
	else
		dbm_doctor_report(report, "steps", DBM_HEALTH_WARNING,
						  psprintf("change \"%s\": %s", change, unfinished.where),
						  psprintf("Run CALL dbm_resume(%s); or CALL dbm_rollback_in_steps(%s);",
								   quote_literal_cstr(change), quote_literal_cstr(change)));
}

static void
check_unfinished(DbmDoctorReport *report)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmScan *scan;

	if (!OidIsValid(dbm_table_oid(&dbm_run_step_table)) ||
		dbm_table_difference(&dbm_change_table) || dbm_table_difference(&dbm_run_table) ||
		dbm_table_difference(&dbm_run_step_table))
		return;
	scan = dbm_scan_begin(&dbm_change_table, dbm_change_table.primary_key, 0, NULL);
	while (dbm_scan_next(scan, row))
	{
		if (dbm_change_is(row, "partial"))
			report_one(report, row);
	}
	dbm_scan_end(scan);
}

void
dbm_unfinished_init(void)
{
	dbm_doctor_register(check_unfinished);
}
