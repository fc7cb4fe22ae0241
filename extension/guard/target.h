/*
 * guard/target.h: the objects a command names, found the way the server will
 *
 * A target is looked up without taking a lock: a weaker lock than the one the
 * command takes later would invite deadlocks.  So an answer is good for a
 * decision at the start of a command and is confirmed at its end where that
 * matters (temporary objects).
 */
#ifndef DBM_GUARD_TARGET_H
#define DBM_GUARD_TARGET_H

#include "catalog/objectaddress.h"
#include "nodes/parsenodes.h"

typedef enum DbmTargetRole
{
	DBM_TARGET_EXISTING,		/* what the command alters, drops, comments on ... */
	DBM_TARGET_CREATED,			/* what the command makes */
	DBM_TARGET_MENTIONED		/* what it leans on: a referenced or inherited table, a schema */
} DbmTargetRole;

typedef struct DbmTarget
{
	DbmTargetRole role;
	ObjectType	type;
	ObjectAddress address;		/* object, or relation it is part of; objectId 0: not found */
	const char *schema;			/* as written, or NULL */
	const char *name;			/* last part of the name as written, or NULL */
	const char *part;			/* trigger, rule, policy, constraint or column of a relation */
	Oid			namespace;		/* where it is or will be, if known */
	bool		temporary;
} DbmTarget;

/* Make a target and look it up.  Raise only what the server would raise for the same name. */
extern DbmTarget *dbm_target_relation(DbmTargetRole role, ObjectType type, const RangeVar *relation);
extern DbmTarget *dbm_target_object(DbmTargetRole role, ObjectType type, Node *object);

/* Identity for people and records, schema qualified where known; NULL if it has no name. */
extern const char *dbm_target_identity(const DbmTarget *target);

/* Kind of object in words: table, function. */
extern const char *dbm_object_type_name(ObjectType type);

/* Is this object temporary: of a temporary schema, or part of a temporary relation? */
extern bool dbm_address_is_temporary(const ObjectAddress *address);

/* Is this the name of a temporary schema, as event trigger functions report it? */
extern bool dbm_is_temporary_schema_name(const char *schema);

/* Does a view's or a table's query read a temporary relation? */
extern bool dbm_query_reads_temporary(Node *query);

#endif							/* DBM_GUARD_TARGET_H */
