/*
 * ledger/fingerprint.h: a repository that is known to be applied as a whole
 *
 * A client names its repository by a text that stands for these changes with
 * these hashes and no others (a Git tree).  Once it is known that all of them
 * are applied, the name alone is enough to ask again, as long as nothing has
 * run since.  That the name stands for the list is the client's word; that the
 * list is applied is never taken from it.
 */
#ifndef DBM_LEDGER_FINGERPRINT_H
#define DBM_LEDGER_FINGERPRINT_H

#include "core/table.h"

/*
 * Newest run that changed what is applied, 0 for none.  Runs are numbered and
 * committed one after the other, so equal numbers mean an unchanged ledger.
 */
extern int64 dbm_fingerprint_last_run(void);

/* Is all that goes by this name applied, as far as that is known? */
extern bool dbm_fingerprint_is_known(const char *fingerprint);

/* The one name of which that is known now (palloc'd), NULL if there is none. */
extern char *dbm_fingerprint_known(void);

/*
 * Remembers that all of it was applied when last_run was the newest run.  Does
 * nothing where this transaction may not write, or while somebody else
 * remembers something.
 */
extern void dbm_fingerprint_remember(const char *fingerprint, int64 last_run);

/*
 * Remembers the fingerprint of a deployment, if every change of its manifest is
 * applied and nothing but this deployment has run since it was planned.
 */
extern void dbm_fingerprint_of_deployment(const DbmRow *deployment);

#endif							/* DBM_LEDGER_FINGERPRINT_H */
