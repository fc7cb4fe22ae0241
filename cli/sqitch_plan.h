/*
 * cli/sqitch_plan.h: the order of changes that sqitch.plan gives
 */
#ifndef DBM_CLI_SQITCH_PLAN_H
#define DBM_CLI_SQITCH_PLAN_H

#include "changes.h"

/* Sets the position of every change, sorted by name; what does not fit is a finding. */
extern void sqitch_plan_apply(Changes *changes);

#endif							/* DBM_CLI_SQITCH_PLAN_H */
