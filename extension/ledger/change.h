/*
 * ledger/change.h: a change and its content
 */
#ifndef DBM_LEDGER_CHANGE_H
#define DBM_LEDGER_CHANGE_H

#include "fmgr.h"

#include "core/table.h"
#include "script/script.h"

/* A change as a caller hands it over, read and hashed. */
typedef struct DbmChange
{
	const char *name;
	Datum		content;		/* text, as the caller passed it: what is stored */
	Datum		rollback_content;
	const char *text;			/* the same, terminated */
	Size		length;
	const char *rollback_text;	/* NULL: none */
	Size		rollback_length;
	Datum		claims;			/* jsonb */
	DbmScript  *script;			/* after dbm_change_read */
	DbmScript  *rollback;		/* after dbm_change_read, NULL if none */
	bool		repeatable;
	bool		in_steps;		/* set before dbm_change_read: need not run in one transaction */
	uint8		approval[DBM_DIGEST_LENGTH];
} DbmChange;

/* Begins with the first argument of fcinfo, the name, which refusals mention; 22004 if null. */
extern void dbm_change_name(FunctionCallInfo fcinfo, DbmChange *change);

/*
 * Takes script, rollback and header from the three arguments after it; raises
 * 22004 for missing and 22023 for unfit ones.  It copies the script, so it is
 * called after what needs memory of its own to look at the client's statement.
 */
extern void dbm_change_arguments(FunctionCallInfo fcinfo, DbmChange *change);

/* Raises ERRCODE_DBM_CHANGE_NAME for what no pattern may let through as the name of a change. */
extern void dbm_change_require_name(const char *name);

/* Reads and checks script and rollback, the name against its pattern, and hashes them. */
extern void dbm_change_read(DbmChange *change);

/*
 * Takes a lock on this change until the end of the transaction: of those who
 * submit, apply and roll back one change, the second sees what the first wrote.
 */
extern void dbm_change_lock(const char *name);

/*
 * Gives back the terminated copies of the scripts, which have run: storing
 * them takes as much memory again.  Statements and header stay.
 */
extern void dbm_change_release_text(DbmChange *change);

/* Reads the row of table change; false if there is none. */
extern bool dbm_change_find(const char *name, DbmRow *row, ItemPointer tid);

/* Is the row's state this one? */
extern bool dbm_change_is(const DbmRow *row, const char *state);

/* May the change in row, which is applied, run again as the one at hand? */
extern bool dbm_change_runs_again(const DbmRow *row, const DbmChange *change);

/*
 * Raises ERRCODE_DBM_CHECKSUM if the applied change has other tokens; gives a
 * NOTICE if only white space or comments differ.
 */
extern void dbm_change_require_same(const DbmRow *row, const DbmChange *change);

/* Gives a NOTICE if the applied change has another rollback script than is now given. */
extern void dbm_change_note_rollback(const DbmRow *row, const DbmChange *change);

/*
 * Writes scripts (each once) and the row of the change in the given state;
 * run is the run that applied it, or 0.
 */
extern void dbm_change_write(const DbmChange *change, const char *state, int64 run);

/* Sets state and applied run of a present row (for a rollback). */
extern void dbm_change_set_state(const char *name, const char *state, int64 run);

/* Stores script and rollback, or one script, each text once. */
extern void dbm_change_store_scripts(const DbmChange *change);
extern void dbm_change_store_script(const DbmScript *script, Datum content);

/* Has this content been submitted for the change? */
extern bool dbm_submission_exists(const char *name, const uint8 *approval);

/* Is a change of this name applied? */
extern bool dbm_change_applied(const char *name);

/* Content of a stored script; raises if it is not stored.  palloc'd. */
extern char *dbm_script_content(const uint8 *digest, Size *length);

/* Header fields as jsonb. */
extern Datum dbm_header_jsonb(const DbmScript *script);

#endif							/* DBM_LEDGER_CHANGE_H */
