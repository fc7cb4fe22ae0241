/*
 * cli/baseline.h: the script of a baseline, and the proof that it makes a schema
 */
#ifndef DBM_CLI_BASELINE_H
#define DBM_CLI_BASELINE_H

#include <jansson.h>

#include "dump_script.h"
#include "scratch.h"

typedef struct Baseline
{
	const Config *config;
	const Environment *environment;
	Connection *connection;
	char *program;				/* pg_dump; NULL until it is looked for */
	char *change;
	char *path;					/* of the script, relative to the configuration */
	char *script;
	size_t length;
	char *rollback;				/* NULL: none */
	size_t rollback_length;
	char *roots;				/* of what the script makes, as its header says */
	bool accept;				/* somebody accepts that a new database will differ */
	char *exceptions;			/* in what, as lines of its header; NULL: in nothing */
	json_t *claims;
	char *commit;				/* NULL: none was made */
	char *tag;
} Baseline;

/* Root hash of the live schema of the environment. */
extern char *baseline_root(const Baseline *baseline);

/*
 * The live schema as a script, without a header, and its root hash; it must
 * stay the same while it is read.
 */
extern DumpScript baseline_dump(Baseline *baseline, char **root);

/*
 * Has an empty database show that the script makes the schema of the
 * environment it was made of, whose root hash is given.  Returns the root hash
 * of what it makes: another one if there are expressions that read otherwise
 * once the server has read them, or differences that are accepted.
 */
extern char *baseline_prove(Baseline *baseline, const char *conninfo, const char *root);

/*
 * Has it show that the schema of this other environment is that of the script,
 * though its root hash is not one that the header says: to another version of
 * the server, or with expressions that read otherwise.  Returns its root hash.
 */
extern char *baseline_prove_twin(Baseline *baseline, const char *conninfo);

#endif							/* DBM_CLI_BASELINE_H */
