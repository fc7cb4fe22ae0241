/*
 * audit/refusal.h: every refusal of a public function is on disk before the
 * client sees it
 */
#ifndef DBM_AUDIT_REFUSAL_H
#define DBM_AUDIT_REFUSAL_H

#include "fmgr.h"

/*
 * Calls body(fcinfo).  If it raises an error of our own class (MA...), records
 * a "refused" event durably and lets the error go on; other errors pass, and so
 * does ERRCODE_DBM_DEPLOYMENT_IN_PROGRESS, which is a matter of waiting.
 * Every SQL-callable function that can refuse is two lines around this.
 * A body that has recorded its failure itself calls dbm_refusal_recorded.
 */
extern Datum dbm_audit_call(FunctionCallInfo fcinfo, const char *function, PGFunction body);

/* Tells the surrounding dbm_audit_call which change the call is about. */
extern void dbm_refusal_subject(const char *change);

/*
 * Tells the surrounding dbm_audit_call which error is no refusal but the way to
 * another call, whose outcome is recorded.
 */
extern void dbm_refusal_answered(int sqlstate);

/*
 * Tells the surrounding dbm_audit_call that the error now raised is on record.
 * To be called right before raising it, and again before raising it anew: the
 * rollback of a subtransaction takes it back, because a script that catches
 * one error may run into another.
 */
extern void dbm_refusal_recorded(void);

#endif							/* DBM_AUDIT_REFUSAL_H */
