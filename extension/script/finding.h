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
	DBM_FINDING_STEPS, /* cannot run in a transaction, or not in the same one */
	DBM_FINDING_ONE_TRANSACTION, /* the same in a script that asks for one */
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

#endif /* DBM_SCRIPT_FINDING_H */
