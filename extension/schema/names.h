/*
 * schema/names.h: oid to name, fully qualified, as canonical bodies hold them
 *
 * Every function raises an internal error for an oid that names nothing, and
 * returns memory that lives at least as long as the unit being described.
 */
#ifndef DBM_SCHEMA_NAMES_H
#define DBM_SCHEMA_NAMES_H

#include "schema/pass.h"

/* Raw names. */
extern const char *dbm_role_name(DbmPass *pass, Oid role);
extern const char *dbm_schema_name(DbmPass *pass, Oid schema);
extern const char *dbm_tablespace_name(Oid tablespace);

/* Is this a schema of users: not pg_*, not information_schema? */
extern bool dbm_user_schema(DbmPass *pass, Oid schema);

/* Quoted and qualified: the object's identity, as in pg_identify_object. */
extern char *dbm_qualified(DbmPass *pass, Oid schema, const char *name);
extern char *dbm_relation_identity(DbmPass *pass, Oid relation);
extern char *dbm_type_identity(Oid type);
extern char *dbm_type_with_modifier(Oid type, int32 modifier);
extern char *dbm_procedure_identity(Oid procedure);
extern char *dbm_operator_identity(Oid operator);
extern char *dbm_collation_identity(DbmPass *pass, Oid collation);
extern char *dbm_opclass_identity(DbmPass *pass, Oid opclass);
extern char *dbm_opfamily_identity(DbmPass *pass, Oid opfamily);

/* "name on owner", for what has no schema of its own. */
extern char *dbm_identity_on(const char *name, const char *owner);

#endif							/* DBM_SCHEMA_NAMES_H */
