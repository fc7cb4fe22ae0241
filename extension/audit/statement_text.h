/*
 * audit/statement_text.h: what the trail keeps of a statement
 */
#ifndef DBM_AUDIT_STATEMENT_TEXT_H
#define DBM_AUDIT_STATEMENT_TEXT_H

/*
 * Returns a palloc'd copy of at most DBM_AUDIT_TEXT_LIMIT bytes, ending with a
 * whole character, and without what follows the word PASSWORD (or another that
 * names a secret) where a value does, or the user in a URI where a password
 * does; *secret tells whether that was so.
 */
extern char *dbm_statement_text(const char *text, int length, bool *secret);

#endif							/* DBM_AUDIT_STATEMENT_TEXT_H */
