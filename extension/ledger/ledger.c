/*
 * ledger/ledger.c: what the ledger tells the rooms below it
 */
#include "postgres.h"

#include "core/settings.h"
#include "ledger/change.h"
#include "ledger/commit.h"
#include "ledger/deferrable.h"
#include "ledger/ledger.h"
#include "ledger/run.h"
#include "ledger/tables.h"
#include "ledger/transaction.h"
#include "ledger/unfinished.h"
#include "pipeline/doctor.h"
#include "pipeline/gate.h"

static void
check_tables(DbmDoctorReport *report)
{
	static const DbmTable *const tables[] = {
		&dbm_script_table,      &dbm_change_table,
		&dbm_submission_table,  &dbm_deployment_table,
		&dbm_run_table,         &dbm_run_statement_table,
		&dbm_run_object_table,  &dbm_deployment_change_table,
		&dbm_fingerprint_table, &dbm_run_step_table,
	};

	for (int at = 0; at < lengthof(tables); at++)
		dbm_doctor_report_table(report, tables[at]);
}

/* Settings by which a deployment can hold up an application, or end its sessions. */
static void
check_lock_settings(DbmDoctorReport *report)
{
	if (dbm_setting_milliseconds(DBM_SETTING_LOCK_TIMEOUT) == 0)
		dbm_doctor_report(report, "setting", DBM_HEALTH_WARNING,
						  "lock_timeout is off: everybody "
						  "who needs a table waits behind a change that waits for it",
						  "Run SELECT dbm_configure('lock_timeout', NULL).");
	if (dbm_setting_milliseconds(DBM_SETTING_CANCEL_IDLE_IN_TRANSACTION) > 0)
		dbm_doctor_report(report, "setting", DBM_HEALTH_INFO,
						  psprintf("cancel_idle_in_transaction is %s: changes terminate sessions",
								   dbm_setting_text(DBM_SETTING_CANCEL_IDLE_IN_TRANSACTION)),
						  NULL);
}

void
dbm_ledger_init(void)
{
	dbm_transaction_init();
	dbm_commit_init();
	dbm_deferrable_init();
	dbm_run_init();
	dbm_gate_set_ledger(dbm_change_applied);
	dbm_doctor_register(check_tables);
	dbm_unfinished_init();
	dbm_doctor_register(check_lock_settings);
}
