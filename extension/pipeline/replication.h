/*
 * pipeline/replication.h: our tables and logical replication, as dbm_doctor shows them
 */
#ifndef DBM_PIPELINE_REPLICATION_H
#define DBM_PIPELINE_REPLICATION_H

#include "pipeline/doctor.h"

extern void dbm_replication_check_out(DbmDoctorReport *report);
extern void dbm_replication_check_in(DbmDoctorReport *report);

#endif							/* DBM_PIPELINE_REPLICATION_H */
