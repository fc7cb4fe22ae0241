/*
 * pipeline/replication.h: subscriptions to our tables, as dbm_doctor shows them
 */
#ifndef DBM_PIPELINE_REPLICATION_H
#define DBM_PIPELINE_REPLICATION_H

#include "pipeline/doctor.h"

extern void dbm_replication_check_in(DbmDoctorReport *report);

#endif							/* DBM_PIPELINE_REPLICATION_H */
