/*
 * pipeline/doctor.h: what dbm_doctor looks at
 */
#ifndef DBM_PIPELINE_DOCTOR_H
#define DBM_PIPELINE_DOCTOR_H

#include "core/table.h"

typedef enum DbmHealth
{
	DBM_HEALTH_OK,
	DBM_HEALTH_INFO,
	DBM_HEALTH_WARNING,
	DBM_HEALTH_ERROR
} DbmHealth;

/* Adds one row; finding and advice may be built with psprintf, advice NULL for none. */
typedef struct DbmDoctorReport DbmDoctorReport;
extern void dbm_doctor_report(DbmDoctorReport *report, const char *check, DbmHealth health,
							  const char *finding, const char *advice);

/* Adds a row that says whether a table of ours is as made. */
extern void dbm_doctor_report_table(DbmDoctorReport *report, const DbmTable *table);

/* A check that looks at one thing and reports one row or more. */
typedef void (*DbmDoctorCheck) (DbmDoctorReport *report);

/* Rooms above the pipeline add their own checks when the library is loaded. */
extern void dbm_doctor_register(DbmDoctorCheck check);

#endif							/* DBM_PIPELINE_DOCTOR_H */
