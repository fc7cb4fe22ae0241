/*
 * pipeline/grant.h: columns of the table capability, for the two files that
 * read and write it
 */
#ifndef DBM_PIPELINE_GRANT_H
#define DBM_PIPELINE_GRANT_H

typedef enum DbmCapabilityColumn
{
	DBM_CAPABILITY_NAME,
	DBM_CAPABILITY_ROLE_NAME,
	DBM_CAPABILITY_ROLE,
	DBM_CAPABILITY_GRANTED_AT,
	DBM_CAPABILITY_GRANTED_BY,
	DBM_CAPABILITY_COLUMNS
} DbmCapabilityColumn;

#endif							/* DBM_PIPELINE_GRANT_H */
