/*
 * script/finding.h: what a script holds that must not run
 */
#ifndef DBM_SCRIPT_FINDING_H
#define DBM_SCRIPT_FINDING_H

#include "script/script.h"

typedef enum DbmFindingKind
{
	DBM_FINDING_TRANSACTION, /* BEGIN, COMMIT, SAVEPOINT ... */
	DBM_FINDING_ROLE, /* runs the rest as somebody else */
	DBM_FINDING_SETTING, /* a setting that belongs to the run */
	DBM_FINDING_SESSION, /* LISTEN, LOAD, DISCARD: outlives the run */
	DBM_FINDING_PREPARED, /* prepared statements */
	DBM_FINDING_CURSOR,
	DBM_FINDING_COPY_OUT, /* COPY TO STDOUT */
	DBM_FINDING_SINGLE, /* cannot run in a transaction */
	DBM_FINDING_NEW_VALUE, /* uses an enum value that the same transaction added */
	DBM_FINDING_ONE_TRANSACTION, /* cannot run in the transaction that the script asks for */
	DBM_FINDING_TEMPORARY, /* a statement of its own on what its session does not see */
	DBM_FINDING_TEMPORARY_GONE, /* uses what went with an earlier step */
	DBM_FINDING_LOCK, /* a lock that was to be held over steps */
	DBM_FINDING_ENDS_TRANSACTION, /* code that commits by itself */
	DBM_FINDING_SECRET,
	DBM_FINDING_KINDS
} DbmFindingKind;

typedef struct DbmFinding
{
	DbmFindingKind kind;
	int ordinal; /* of the statement */
	int line;
	const char *subject; /* what it is: COMMIT, SET role, VACUUM ... */
} DbmFinding;

/*
 * Judges the parse tree of a statement.  Returns true if it must not run, with
 * kind and subject (constant or palloc'd) filled in.
 */
extern bool dbm_finding_of_statement(const Node *statement, bool calls_set_config,
									 DbmFinding *finding);

/*
 * What keeps a script from being one transaction, and what keeps it from
 * running in steps: a list of DbmFinding *, in no order.
 */
extern List *dbm_step_findings(const DbmScript *script);

#endif /* DBM_SCRIPT_FINDING_H */
