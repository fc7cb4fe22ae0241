/*
 * script/code.h: what the code of a routine does to transactions and enum types
 */
#ifndef DBM_SCRIPT_CODE_H
#define DBM_SCRIPT_CODE_H

#include "nodes/parsenodes.h"

/* An ALTER TYPE ... ADD VALUE. */
typedef struct DbmNewValue
{
	RangeVar *type; /* NULL: not to be seen */
	char *value;
} DbmNewValue;

typedef struct DbmCode
{
	bool ends; /* COMMIT or ROLLBACK: ends the transaction it runs in */
	List *calls; /* of RangeVar *: procedures that it calls */
	List *values; /* of DbmNewValue * */
} DbmCode;

/*
 * Reads code in a language.  Of languages that are not SQL's kin only the words
 * commit and rollback are looked for; what is not text at all may do anything.
 */
extern void dbm_code_read(const char *language, const char *source, DbmCode *code);

/* Does code in this language run without having been looked at when it is created? */
extern bool dbm_code_is_late(const char *language);

/* A copy of the last two parts of a qualified name, a list of String nodes. */
extern RangeVar *dbm_code_name(const List *names);

/* Does text say this word or words, and not as part of a longer word? */
extern bool dbm_code_says(const char *text, Size length, const char *word);

#endif /* DBM_SCRIPT_CODE_H */
