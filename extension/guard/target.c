/*
 * guard/target.c: names of the parse tree looked up without locks
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "commands/proclang.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_func.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "guard/target.h"

#define TEMPORARY_ALIAS "pg_temp"

/* How the names of one kind of object are written in a parse tree. */
typedef enum NameForm
{
	FORM_QUALIFIED,				/* list of names, or arguments after one */
	FORM_RELATION,				/* list of names */
	FORM_PART,					/* list of names of a relation, then the part */
	FORM_ROUTINE,				/* ObjectWithArgs */
	FORM_TYPE,					/* TypeName or list of names */
	FORM_TYPE_PART,				/* list of a TypeName and the part */
	FORM_BY_METHOD,				/* list: access method, then names */
	FORM_PLAIN,					/* one name without schema */
	FORM_NONE					/* no name that could be printed or looked up */
} NameForm;

typedef struct ObjectKind
{
	ObjectType	type;
	NameForm	form;
	const char *name;
} ObjectKind;

static const ObjectKind object_kinds[] = {
	{OBJECT_ACCESS_METHOD, FORM_PLAIN, "access method"},
	{OBJECT_AGGREGATE, FORM_ROUTINE, "aggregate"},
	{OBJECT_AMOP, FORM_NONE, "operator of access method"},
	{OBJECT_AMPROC, FORM_NONE, "function of access method"},
	{OBJECT_ATTRIBUTE, FORM_PART, "attribute"},
	{OBJECT_CAST, FORM_NONE, "cast"},
	{OBJECT_COLLATION, FORM_QUALIFIED, "collation"},
	{OBJECT_COLUMN, FORM_PART, "column"},
	{OBJECT_CONVERSION, FORM_QUALIFIED, "conversion"},
	{OBJECT_DATABASE, FORM_PLAIN, "database"},
	{OBJECT_DEFACL, FORM_NONE, "default privileges"},
	{OBJECT_DEFAULT, FORM_PART, "default value"},
	{OBJECT_DOMAIN, FORM_TYPE, "domain"},
	{OBJECT_DOMCONSTRAINT, FORM_TYPE_PART, "domain constraint"},
	{OBJECT_EVENT_TRIGGER, FORM_PLAIN, "event trigger"},
	{OBJECT_EXTENSION, FORM_PLAIN, "extension"},
	{OBJECT_FDW, FORM_PLAIN, "foreign-data wrapper"},
	{OBJECT_FOREIGN_SERVER, FORM_PLAIN, "server"},
	{OBJECT_FOREIGN_TABLE, FORM_RELATION, "foreign table"},
	{OBJECT_FUNCTION, FORM_ROUTINE, "function"},
	{OBJECT_INDEX, FORM_RELATION, "index"},
	{OBJECT_LANGUAGE, FORM_PLAIN, "language"},
	{OBJECT_LARGEOBJECT, FORM_NONE, "large object"},
	{OBJECT_MATVIEW, FORM_RELATION, "materialized view"},
	{OBJECT_OPCLASS, FORM_BY_METHOD, "operator class"},
	{OBJECT_OPERATOR, FORM_QUALIFIED, "operator"},
	{OBJECT_OPFAMILY, FORM_BY_METHOD, "operator family"},
	{OBJECT_PARAMETER_ACL, FORM_PLAIN, "parameter"},
	{OBJECT_POLICY, FORM_PART, "policy"},
	{OBJECT_PROCEDURE, FORM_ROUTINE, "procedure"},
	{OBJECT_PUBLICATION, FORM_PLAIN, "publication"},
	{OBJECT_ROLE, FORM_PLAIN, "role"},
	{OBJECT_ROUTINE, FORM_ROUTINE, "routine"},
	{OBJECT_RULE, FORM_PART, "rule"},
	{OBJECT_SCHEMA, FORM_PLAIN, "schema"},
	{OBJECT_SEQUENCE, FORM_RELATION, "sequence"},
	{OBJECT_STATISTIC_EXT, FORM_QUALIFIED, "statistics object"},
	{OBJECT_SUBSCRIPTION, FORM_PLAIN, "subscription"},
	{OBJECT_TABCONSTRAINT, FORM_PART, "constraint"},
	{OBJECT_TABLE, FORM_RELATION, "table"},
	{OBJECT_TABLESPACE, FORM_PLAIN, "tablespace"},
	{OBJECT_TRANSFORM, FORM_NONE, "transform"},
	{OBJECT_TRIGGER, FORM_PART, "trigger"},
	{OBJECT_TSCONFIGURATION, FORM_QUALIFIED, "text search configuration"},
	{OBJECT_TSDICTIONARY, FORM_QUALIFIED, "text search dictionary"},
	{OBJECT_TSPARSER, FORM_QUALIFIED, "text search parser"},
	{OBJECT_TSTEMPLATE, FORM_QUALIFIED, "text search template"},
	{OBJECT_TYPE, FORM_TYPE, "type"},
	{OBJECT_USER_MAPPING, FORM_NONE, "user mapping"},
	{OBJECT_VIEW, FORM_RELATION, "view"},
};

static const ObjectKind *
find_kind(ObjectType type)
{
	for (int at = 0; at < lengthof(object_kinds); at++)
	{
		if (object_kinds[at].type == type)
			return &object_kinds[at];
	}
	return NULL;
}

const char *
dbm_object_type_name(ObjectType type)
{
	const ObjectKind *kind = find_kind(type);

	return kind ? kind->name : "object";
}

static DbmTarget *
make_target(DbmTargetRole role, ObjectType type)
{
	DbmTarget  *target = palloc0(sizeof(DbmTarget));

	target->role = role;
	target->type = type;
	return target;
}

/* The schema that a name as written points to, or where an unqualified one will be made. */
static void
find_namespace(DbmTarget *target)
{
	if (target->schema == NULL)
	{
		List	   *path = target->role == DBM_TARGET_CREATED ? fetch_search_path(false) : NIL;

		if (path != NIL)
			target->namespace = linitial_oid(path);
	}
	else if (strcmp(target->schema, TEMPORARY_ALIAS) == 0)
	{
		target->namespace = LookupNamespaceNoError(target->schema);
		target->temporary = true;
	}
	else
		target->namespace = get_namespace_oid(target->schema, true);

	if (OidIsValid(target->namespace) && isAnyTempNamespace(target->namespace))
		target->temporary = true;
}

/* A name in parts, written with or without its schema (a database in front is the server's to judge). */
static void
set_written_name(DbmTarget *target, List *names)
{
	if (names == NIL)
		return;
	target->name = strVal(llast(names));
	if (list_length(names) > 1)
		target->schema = strVal(list_nth(names, list_length(names) - 2));
}

static void
look_up_relation(DbmTarget *target, const RangeVar *relation)
{
	target->name = relation->relname;
	target->schema = relation->schemaname;
	if (target->role == DBM_TARGET_CREATED)
	{
		find_namespace(target);
		if (relation->relpersistence == RELPERSISTENCE_TEMP)
			target->temporary = true;
		return;
	}

	target->address.classId = RelationRelationId;
	target->address.objectId = RangeVarGetRelid(relation, NoLock, true);
	if (OidIsValid(target->address.objectId))
	{
		target->namespace = get_rel_namespace(target->address.objectId);
		target->temporary = get_rel_persistence(target->address.objectId) == RELPERSISTENCE_TEMP;
	}
}

static void
look_up_routine(DbmTarget *target, ObjectWithArgs *routine)
{
	set_written_name(target, routine->objname);
	target->address.classId = ProcedureRelationId;
	target->address.objectId = LookupFuncWithArgs(target->type, routine, true);
	if (OidIsValid(target->address.objectId))
		target->namespace = get_func_namespace(target->address.objectId);
	target->temporary = OidIsValid(target->namespace) && isAnyTempNamespace(target->namespace);
}

static void
look_up_type(DbmTarget *target, Node *object)
{
	TypeName *name = IsA(object, TypeName) ? castNode(TypeName, object)
										   : makeTypeNameFromNameList(castNode(List, object));
	HeapTuple	tuple;

	set_written_name(target, name->names);
	target->address.classId = TypeRelationId;
	target->address.objectId = LookupTypeNameOid(NULL, name, true);
	if (!OidIsValid(target->address.objectId))
		return;

	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(target->address.objectId));
	if (HeapTupleIsValid(tuple))
	{
		target->namespace = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace;
		target->temporary = isAnyTempNamespace(target->namespace);
		ReleaseSysCache(tuple);
	}
}

/* Objects without a schema: only those are looked up that we protect or stand on. */
static void
look_up_plain(DbmTarget *target, const char *name)
{
	target->name = name;
	switch (target->type)
	{
		case OBJECT_SCHEMA:
			ObjectAddressSet(target->address, NamespaceRelationId, LookupNamespaceNoError(name));
			target->namespace = target->address.objectId;
			break;
		case OBJECT_EXTENSION:
			ObjectAddressSet(target->address, ExtensionRelationId, get_extension_oid(name, true));
			break;
		case OBJECT_LANGUAGE:
			ObjectAddressSet(target->address, LanguageRelationId, get_language_oid(name, true));
			break;
		case OBJECT_EVENT_TRIGGER:
			ObjectAddressSet(target->address, EventTriggerRelationId,
							 get_event_trigger_oid(name, true));
			break;
		default:
			break;
	}
}

static void
look_up_part(DbmTarget *target, List *names)
{
	List	   *relation = list_truncate(list_copy(names), list_length(names) - 1);

	target->part = strVal(llast(names));
	if (relation != NIL)
		look_up_relation(target, makeRangeVarFromNameList(relation));
}

DbmTarget *
dbm_target_relation(DbmTargetRole role, ObjectType type, const RangeVar *relation)
{
	DbmTarget  *target = make_target(role, type);

	look_up_relation(target, relation);
	return target;
}

DbmTarget *
dbm_target_object(DbmTargetRole role, ObjectType type, Node *object)
{
	DbmTarget  *target = make_target(role, type);
	const ObjectKind *kind = find_kind(type);
	NameForm	form = kind ? kind->form : FORM_NONE;

	if (object == NULL)
		return target;

	/* What is being made cannot be looked up; all names come as lists then. */
	if (role == DBM_TARGET_CREATED && IsA(object, List))
		form = FORM_QUALIFIED;

	switch (form)
	{
		case FORM_QUALIFIED:
			set_written_name(target, IsA(object, ObjectWithArgs)
										 ? castNode(ObjectWithArgs, object)->objname
										 : castNode(List, object));
			find_namespace(target);
			break;
		case FORM_RELATION:
			look_up_relation(target, makeRangeVarFromNameList(castNode(List, object)));
			break;
		case FORM_PART:
			look_up_part(target, castNode(List, object));
			break;
		case FORM_ROUTINE:
			look_up_routine(target, castNode(ObjectWithArgs, object));
			break;
		case FORM_TYPE:
			look_up_type(target, object);
			break;
		case FORM_TYPE_PART:
			look_up_type(target, linitial(castNode(List, object)));
			target->part = strVal(lsecond(castNode(List, object)));
			break;
		case FORM_BY_METHOD:
			set_written_name(target, list_copy_tail(castNode(List, object), 1));
			find_namespace(target);
			break;
		case FORM_PLAIN:
			look_up_plain(target, strVal(object));
			break;
		case FORM_NONE:
			break;
	}
	return target;
}

/* Name as written, with the schema it was found to point to. */
static const char *
written_identity(const DbmTarget *target)
{
	const char *schema = target->schema;

	if (target->name == NULL)
		return NULL;
	if (target->temporary)
		schema = TEMPORARY_ALIAS;
	else if (schema == NULL && OidIsValid(target->namespace) && target->type != OBJECT_SCHEMA)
		schema = get_namespace_name(target->namespace);
	return quote_qualified_identifier(schema, target->name);
}

const char *
dbm_target_identity(const DbmTarget *target)
{
	const char *identity = NULL;

	if (OidIsValid(target->address.objectId))
		identity = getObjectIdentity(&target->address, true);
	if (identity == NULL)
		identity = written_identity(target);
	if (identity == NULL || target->part == NULL)
		return identity;

	if (target->type == OBJECT_COLUMN || target->type == OBJECT_ATTRIBUTE)
		return psprintf("%s.%s", identity, quote_identifier(target->part));
	return psprintf("%s on %s", quote_identifier(target->part), identity);
}

bool
dbm_is_temporary_schema_name(const char *schema)
{
	return schema != NULL && (strncmp(schema, "pg_temp", strlen("pg_temp")) == 0 ||
							  strncmp(schema, "pg_toast_temp", strlen("pg_toast_temp")) == 0);
}

bool
dbm_address_is_temporary(const ObjectAddress *address)
{
	List	   *names = NIL;
	List	   *arguments = NIL;

	if (address->classId == RelationRelationId)
		return get_rel_persistence(address->objectId) == RELPERSISTENCE_TEMP;

	if (is_objectclass_supported(address->classId) &&
		get_object_attnum_namespace(address->classId) != InvalidAttrNumber &&
		get_object_catcache_oid(address->classId) != -1)
	{
		Oid			namespace = get_object_namespace(address);

		return OidIsValid(namespace) && isAnyTempNamespace(namespace);
	}

	/* Triggers, rules and policies: the first part of the name is the relation's schema. */
	if (getObjectIdentityParts(address, &names, &arguments, true) == NULL)
		return false;
	return list_length(names) > 1 && dbm_is_temporary_schema_name(linitial(names));
}

static bool
is_temporary_relation(const RangeVar *relation)
{
	Oid			oid = RangeVarGetRelid(relation, NoLock, true);

	return OidIsValid(oid) && get_rel_persistence(oid) == RELPERSISTENCE_TEMP;
}

static bool
find_temporary_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeVar))
		return is_temporary_relation(castNode(RangeVar, node));
	/* parse analysis works on joins in place: after a command their parts are no raw ones */
	if (IsA(node, JoinExpr) && castNode(JoinExpr, node)->rtindex != 0)
		return false;
	return raw_expression_tree_walker(node, find_temporary_walker, context);
}

bool
dbm_query_reads_temporary(Node *query)
{
	return query != NULL && find_temporary_walker(query, NULL);
}
