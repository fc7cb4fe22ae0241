/*
 * ledger/proof_shared.c: databases, tablespaces and the server's configuration
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/defrem.h"
#include "commands/tablespace.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

#include "core/compat.h"
#include "core/result.h"
#include "ledger/proof_case.h"

/* ---- databases ---- */

typedef struct DatabaseState
{
	bool invalid; /* dropping it ended half way */
	Oid tablespace;
} DatabaseState;

static bool
find_database(const char *name, DatabaseState *state)
{
	Relation databases = table_open(DatabaseRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_database_datname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(name));
	scan = systable_beginscan(databases, DatabaseNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (tuple)
	{
		Form_pg_database row = (Form_pg_database) GETSTRUCT(tuple);

		state->invalid = database_is_invalid_form(row);
		state->tablespace = row->dattablespace;
	}
	systable_endscan(scan);
	table_close(databases, AccessShareLock);
	return tuple != NULL;
}

void
dbm_proof_create_database(const Node *node, const char *text, DbmProof *proof)
{
	const char *name = ((const CreatedbStmt *) node)->dbname;
	DatabaseState state;

	if (!find_database(name, &state))
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "There is no database %s.",
					  quote_identifier(name));
	else if (state.invalid)
	{
		dbm_proof_say(proof, DBM_PROOF_PARTIAL,
					  "Database %s is invalid: dropping it ended half way.",
					  quote_identifier(name));
		proof->cleanup = psprintf("DROP DATABASE %s", quote_identifier(name));
	}
	else
		dbm_proof_say(proof, DBM_PROOF_DONE, "Database %s is there.", quote_identifier(name));
}

void
dbm_proof_drop_database(const Node *node, const char *text, DbmProof *proof)
{
	const char *name = ((const DropdbStmt *) node)->dbname;
	DatabaseState state;

	if (!find_database(name, &state))
		dbm_proof_say(proof, DBM_PROOF_DONE, "There is no database %s.", quote_identifier(name));
	else if (state.invalid)
	{
		dbm_proof_say(proof, DBM_PROOF_PARTIAL,
					  "Database %s is invalid: dropping it ended half way.",
					  quote_identifier(name));
		proof->finish = psprintf("DROP DATABASE %s", quote_identifier(name));
	}
	else
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "Database %s is there.", quote_identifier(name));
}

/* The last option of this name, as the server takes it. */
static const DefElem *
last_option(List *options, const char *name)
{
	const DefElem *found = NULL;
	ListCell *cell;

	foreach (cell, options)
	{
		const DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0)
			found = option;
	}
	return found;
}

/* Everything else that ALTER DATABASE does runs in a transaction. */
void
dbm_proof_move_database(const Node *node, const char *text, DbmProof *proof)
{
	const AlterDatabaseStmt *statement = (const AlterDatabaseStmt *) node;
	const DefElem *option = last_option(statement->options, "tablespace");
	const char *name = quote_identifier(statement->dbname);
	DatabaseState state;
	const char *tablespace;

	if (option == NULL)
	{
		dbm_proof_say(proof, DBM_PROOF_UNKNOWN,
					  "Nothing in the catalogs tells whether this statement ran.");
		return;
	}
	tablespace = defGetString((DefElem *) option);
	if (!find_database(statement->dbname, &state))
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "There is no database %s.", name);
	else if (state.tablespace == get_tablespace_oid(tablespace, true))
		dbm_proof_say(proof, DBM_PROOF_DONE, "Database %s is in tablespace %s.", name,
					  quote_identifier(tablespace));
	else
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "Database %s is not in tablespace %s.", name,
					  quote_identifier(tablespace));
}

/* ---- tablespaces ---- */

void
dbm_proof_create_tablespace(const Node *node, const char *text, DbmProof *proof)
{
	const char *name = ((const CreateTableSpaceStmt *) node)->tablespacename;

	if (OidIsValid(get_tablespace_oid(name, true)))
		dbm_proof_say(proof, DBM_PROOF_DONE, "Tablespace %s is there.", quote_identifier(name));
	else
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "There is no tablespace %s.",
					  quote_identifier(name));
}

void
dbm_proof_drop_tablespace(const Node *node, const char *text, DbmProof *proof)
{
	const char *name = ((const DropTableSpaceStmt *) node)->tablespacename;

	if (OidIsValid(get_tablespace_oid(name, true)))
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE, "Tablespace %s is there.", quote_identifier(name));
	else
		dbm_proof_say(proof, DBM_PROOF_DONE, "There is no tablespace %s.", quote_identifier(name));
}

/* ---- ALTER SYSTEM ---- */

/* Columns of pg_show_all_file_settings(). */
#define FILE_SETTINGS_FILE 1
#define FILE_SETTINGS_NAME 4
#define FILE_SETTINGS_VALUE 5

/* What the file may hold is for those who could read it there, or write it. */
static bool
may_see_setting(const char *name)
{
	return superuser() || has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_SETTINGS) ||
		   (name && pg_parameter_aclcheck(name, GetUserId(), ACL_ALTER_SYSTEM) == ACLCHECK_OK);
}

static bool
is_written_by_server(const char *file)
{
	Size length = strlen(file);
	Size tail = strlen(PG_AUTOCONF_FILENAME);

	return length >= tail && strcmp(file + length - tail, PG_AUTOCONF_FILENAME) == 0;
}

/* The entry for a setting (NULL: any) in the file that ALTER SYSTEM writes, or NULL. */
static const char *
find_entry(const char *name)
{
	TupleDesc descriptor;
	Tuplestorestate *rows = dbm_call_set(show_all_file_settings, F_PG_SHOW_ALL_FILE_SETTINGS,
										 &descriptor);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);
	const char *entry = NULL;

	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		bool nulls[3];
		Datum file = slot_getattr(slot, FILE_SETTINGS_FILE, &nulls[0]);
		Datum setting = slot_getattr(slot, FILE_SETTINGS_NAME, &nulls[1]);
		Datum value = slot_getattr(slot, FILE_SETTINGS_VALUE, &nulls[2]);

		if (nulls[0] || nulls[1] || nulls[2] || !is_written_by_server(TextDatumGetCString(file)))
			continue;
		if (name == NULL || pg_strcasecmp(TextDatumGetCString(setting), name) == 0)
			entry = TextDatumGetCString(value);
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(rows);
	return entry;
}

/* The value itself stays out of the evidence: it may be a password. */
void
dbm_proof_alter_system(const Node *node, const char *text, DbmProof *proof)
{
	VariableSetStmt *set = ((const AlterSystemStmt *) node)->setstmt;
	const char *wanted = set->kind == VAR_SET_VALUE ? ExtractSetVariableArgs(set) : NULL;
	const char *what = set->name ? psprintf("setting \"%s\"", set->name) : "settings";
	const char *entry;

	proof->repeatable = true;
	if (!may_see_setting(set->name))
	{
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE,
					  "Role %s may not see what %s holds; the statement may run again.",
					  quote_identifier(GetUserNameFromId(GetUserId(), false)),
					  PG_AUTOCONF_FILENAME);
		return;
	}
	entry = find_entry(set->name);
	if (wanted ? (entry && strcmp(entry, wanted) == 0) : entry == NULL)
		dbm_proof_say(proof, DBM_PROOF_DONE,
					  wanted ? "File %s has %s as the statement wants it." : "File %s has no %s.",
					  PG_AUTOCONF_FILENAME, what);
	else
		dbm_proof_say(proof, DBM_PROOF_NOT_DONE,
					  entry ? "File %s has %s, but not as the statement wants it."
							: "File %s has no %s.",
					  PG_AUTOCONF_FILENAME, what);
}
