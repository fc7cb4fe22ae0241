/*
 * main.c: loading the library is calling each room's init, ground floor first
 */
#include "postgres.h"

#include "fmgr.h"

#include "core/installed.h"
#include "core/own_writes.h"
#include "core/settings.h"
#include "guard/doors.h"
#include "ledger/ledger.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	dbm_settings_init();
	dbm_installed_init();
	dbm_own_writes_init();
	dbm_guard_init();
	dbm_ledger_init();
}
