/*
 * audit/refusal.h: every refusal of a public function is on disk before the
 * client sees it
 */
#ifndef DBM_AUDIT_REFUSAL_H
#define DBM_AUDIT_REFUSAL_H

#include "fmgr.h"

/*
 * Calls body(fcinfo).  If it raises an error of our own class (MA...), records
 * a "refused" event durably and lets the error go on; other errors pass.
 * Every SQL-callable function that can refuse is two lines around this.
 * A body that has recorded its failure itself calls dbm_refusal_recorded.
 */
extern Datum dbm_audit_call(FunctionCallInfo fcinfo, const char *function, PGFunction body);

/* Tells the surrounding dbm_audit_call that the error now raised is on record. */
extern void dbm_refusal_recorded(void);

#endif							/* DBM_AUDIT_REFUSAL_H */
