/*
 * cli/dump_script.h: what pg_dump writes, as a script that dbm_apply takes
 */
#ifndef DBM_CLI_DUMP_SCRIPT_H
#define DBM_CLI_DUMP_SCRIPT_H

#include "pqexpbuffer.h"

typedef struct DumpScript
{
	PQExpBuffer text;
	int statements;				/* that make something; settings do not count */
	int secrets;				/* passwords that were left out */
	int grantors;				/* changes of the role that grants, which were left out */
} DumpScript;

/*
 * Turns the dump of a schema (pg_dump --schema-only, plain, in UTF-8, with
 * standard_conforming_strings on) into a script.  Left out are the extension
 * dbmaestro, whose functions are in the schema of that quoted name, and what
 * was granted on it; settings of the session that restores; and passwords.
 * Without a schema public there, the one of a new database is dropped, which no
 * dump does.
 */
extern DumpScript dump_script_make(const char *dump, const char *schema, bool has_public);

#endif							/* DBM_CLI_DUMP_SCRIPT_H */
