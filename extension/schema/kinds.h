/*
 * schema/kinds.h: every kind of unit and the function that describes it
 *
 * To add a kind: a describe function in a kind_*.c file, a row in the table of
 * kinds.c, a source by oid in rows.c, and the catalogs that its rows live in
 * in the table of watched.c.
 *
 * Not described yet: privileges that were changed on objects of extensions and
 * of the server itself; NOT NULL constraints as objects (18); settings of the
 * database and of roles, memberships, tablespaces.
 */
#ifndef DBM_SCHEMA_KINDS_H
#define DBM_SCHEMA_KINDS_H

#include "schema/pass.h"

/* Receives the unit's own row; emits its objects and members. */
typedef void (*DbmDescribe)(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);

typedef struct DbmUnitClass
{
	Oid catalog;				/* class of the unit's key */
	DbmSource by_oid;
	DbmDescribe describe;
	int schema_at;				/* where in its row the schema's oid is; 0: it has none */
} DbmUnitClass;

extern const DbmUnitClass dbm_unit_classes[];
extern const int dbm_unit_class_count;

/* Finds the class with this catalog, NULL if its rows are no units. */
extern const DbmUnitClass *dbm_unit_class(Oid catalog);

extern void dbm_describe_schema(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_relation(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_function(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_type(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_extension(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_event_trigger(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_default_acl(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_operator(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_opclass(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_opfamily(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_access_method(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_language(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_cast(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_transform(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_collation(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_conversion(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_ts_config(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_ts_dict(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_ts_template(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_ts_parser(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_foreign_wrapper(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_server(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_user_mapping(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_publication(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);
extern void dbm_describe_subscription(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor);

#endif							/* DBM_SCHEMA_KINDS_H */
