/*
 * schema/constraint.h: constraints of a domain
 */
#ifndef DBM_SCHEMA_CONSTRAINT_H
#define DBM_SCHEMA_CONSTRAINT_H

#include "schema/pass.h"

extern void dbm_describe_domain_constraints(DbmPass *pass, Oid domain, const char *identity);

#endif							/* DBM_SCHEMA_CONSTRAINT_H */
