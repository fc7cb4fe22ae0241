/*
 * guard/self_protection.c: what would drop, alter or get round dbmaestro
 *
 * Ours are the extension, its members, and everything in schema dbmaestro.
 * What they stand on are the objects that they depend on, in any number of
 * steps: the schema of the functions first of all.  The server protects
 * members only from a plain DROP; owners of that schema, DROP ... CASCADE and
 * every ALTER pass it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_shdepend.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/installed.h"
#include "guard/authorisation.h"
#include "guard/self_protection.h"

#define FUNCTION_PREFIX "dbm_"
#define EXTENSION_NAME "dbmaestro"

static bool
is_our_name(const char *name)
{
	return name != NULL && strncmp(name, FUNCTION_PREFIX, strlen(FUNCTION_PREFIX)) == 0;
}

static bool
is_routine(ObjectType type)
{
	return type == OBJECT_FUNCTION || type == OBJECT_PROCEDURE || type == OBJECT_ROUTINE ||
		   type == OBJECT_AGGREGATE;
}

/* Types count beside routines: f('x') is a cast where no function matches exactly. */
static bool
is_callable(ObjectType type)
{
	return is_routine(type) || type == OBJECT_TYPE || type == OBJECT_DOMAIN;
}

static bool
is_ours(Oid classid, Oid objectid)
{
	if (!OidIsValid(objectid))
		return false;
	if (classid == ExtensionRelationId)
		return objectid == dbm_extension_oid();
	if (classid == NamespaceRelationId && objectid == dbm_tables_namespace())
		return true;
	return getExtensionOfObject(classid, objectid) == dbm_extension_oid();
}

static bool
is_our_target(const DbmTarget *target)
{
	if (is_ours(target->address.classId, target->address.objectId))
		return true;
	/* indexes, toast tables and row types are no members but live with us */
	return OidIsValid(target->namespace) && target->namespace == dbm_tables_namespace();
}

/*
 * A database that is being restored from a dump: grants on our members and the
 * comment on the extension come back by plain SQL.
 */
static bool
is_being_restored(void)
{
	const DbmEnvironment *environment = dbm_environment();

	return !environment->initialised || environment->identity == DBM_IDENTITY_UNBOUND;
}

static bool
is_part_of_restore(const DbmCommand *command)
{
	if (!is_being_restored())
		return false;
	if (IsA(command->tree, CommentStmt))
		return ((const CommentStmt *) command->tree)->objtype == OBJECT_EXTENSION;
	return IsA(command->tree, GrantStmt);
}

/* The two things that a superuser may do with the extension: update it, and drop it switched off. */
static bool
is_way_out(const DbmCommand *command)
{
	const DbmEnvironment *environment = dbm_environment();

	if (!superuser() || dbm_guard_inside_run())
		return false;
	if (IsA(command->tree, AlterExtensionStmt))
		return true;
	return IsA(command->tree, DropStmt) &&
		   ((const DropStmt *) command->tree)->removeType == OBJECT_EXTENSION &&
		   (!environment->initialised || environment->guard == DBM_GUARD_OFF);
}

/* One step of find_foundations: what does this object depend on? */
static List *
append_dependencies(List *found, Relation depend, const ObjectAddress *of)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(of->classId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(of->objectId));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);
		ObjectAddress *address = palloc(sizeof(ObjectAddress));

		ObjectAddressSet(*address, form->refclassid, form->refobjid);
		found = lappend(found, address);
	}
	systable_endscan(scan);
	return found;
}

/* The extension's members. */
static List *
append_members(List *found, Relation depend, Oid extension)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(ExtensionRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);
		ObjectAddress *address = palloc(sizeof(ObjectAddress));

		if (form->deptype != DEPENDENCY_EXTENSION)
			continue;
		ObjectAddressSet(*address, form->classid, form->objid);
		found = lappend(found, address);
	}
	systable_endscan(scan);
	return found;
}

static bool
contains_address(List *addresses, Oid classid, Oid objectid)
{
	ListCell   *cell;

	foreach(cell, addresses)
	{
		const ObjectAddress *address = lfirst(cell);

		if (address->classId == classid && address->objectId == objectid)
			return true;
	}
	return false;
}

/* All objects whose removal with CASCADE would take something of ours along. */
static List *
find_foundations(void)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ObjectAddress *extension = palloc(sizeof(ObjectAddress));
	List	   *pending;
	List	   *known = NIL;

	ObjectAddressSet(*extension, ExtensionRelationId, dbm_extension_oid());
	pending = append_members(list_make1(extension), depend, dbm_extension_oid());
	while (pending != NIL)
	{
		ObjectAddress *address = linitial(pending);

		pending = list_delete_first(pending);
		if (contains_address(known, address->classId, address->objectId))
			continue;
		known = lappend(known, address);
		pending = append_dependencies(pending, depend, address);
	}
	table_close(depend, AccessShareLock);
	return known;
}

static DbmHarm
harm_of_drop(const DbmCommand *command, const char **victim)
{
	ObjectType	type = ((const DropStmt *) command->tree)->removeType;
	List	   *foundations;
	ListCell   *cell;

	/* nothing else can carry what we stand on */
	if (type != OBJECT_SCHEMA && type != OBJECT_EXTENSION && type != OBJECT_LANGUAGE)
		return DBM_HARM_NONE;

	foundations = find_foundations();
	foreach(cell, command->targets)
	{
		const DbmTarget *target = lfirst(cell);

		/* what is ours has been judged as such */
		if (!is_our_target(target) &&
			contains_address(foundations, target->address.classId, target->address.objectId))
		{
			*victim = dbm_target_identity(target);
			return DBM_HARM_FOUNDATION;
		}
	}
	return DBM_HARM_NONE;
}

/* Does the role own something of ours, or something that we stand on? */
static bool
owns_foundation(Oid role, List *foundations)
{
	Relation	depend = table_open(SharedDependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		owns = false;

	ScanKeyInit(&keys[0], Anum_pg_shdepend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(AuthIdRelationId));
	ScanKeyInit(&keys[1], Anum_pg_shdepend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(role));
	scan = systable_beginscan(depend, SharedDependReferenceIndexId, true, NULL, 2, keys);
	while (!owns && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_shdepend form = (Form_pg_shdepend) GETSTRUCT(tuple);

		owns = form->dbid == MyDatabaseId && form->deptype == SHARED_DEPENDENCY_OWNER &&
			   contains_address(foundations, form->classid, form->objid);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return owns;
}

static DbmHarm
harm_of_owner(const DbmCommand *command, const char **victim)
{
	List	   *foundations = find_foundations();
	ListCell   *cell;

	foreach(cell, command->targets)
	{
		const DbmTarget *target = lfirst(cell);

		if (owns_foundation(get_role_oid(target->name, false), foundations))
		{
			*victim = dbm_target_identity(target);
			return DBM_HARM_OWNER;
		}
	}
	return DBM_HARM_NONE;
}

/* Giving what we own to another role; the owner of the functions' schema may change. */
static DbmHarm
harm_of_reassign(const DbmCommand *command, const char **victim)
{
	ObjectAddress *extension = palloc(sizeof(ObjectAddress));
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	List	   *ours;
	ListCell   *cell;

	ObjectAddressSet(*extension, ExtensionRelationId, dbm_extension_oid());
	ours = append_members(list_make1(extension), depend, dbm_extension_oid());
	table_close(depend, AccessShareLock);

	foreach(cell, command->targets)
	{
		const DbmTarget *target = lfirst(cell);

		if (owns_foundation(get_role_oid(target->name, false), ours))
		{
			*victim = dbm_target_identity(target);
			return DBM_HARM_OWNER;
		}
	}
	return DBM_HARM_NONE;
}

static DbmHarm
harm_of_rename(const DbmCommand *command, const char **victim)
{
	const RenameStmt *statement = (const RenameStmt *) command->tree;
	const DbmTarget *target = linitial(command->targets);

	if (statement->renameType == OBJECT_SCHEMA &&
		target->address.objectId == dbm_functions_namespace())
	{
		*victim = dbm_target_identity(target);
		return DBM_HARM_FOUNDATION;
	}
	if (is_callable(statement->renameType) && is_our_name(statement->newname) &&
		target->namespace == dbm_functions_namespace())
	{
		*victim = statement->newname;
		return DBM_HARM_NAME;
	}
	return DBM_HARM_NONE;
}

/* Moving an extension moves its functions. */
static bool
extension_has_our_name(Oid extension)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	List	   *members = append_members(NIL, depend, extension);
	ListCell   *cell;
	bool		found = false;

	table_close(depend, AccessShareLock);
	foreach(cell, members)
	{
		const ObjectAddress *member = lfirst(cell);

		if (member->classId == ProcedureRelationId)
			found = found || is_our_name(get_func_name(member->objectId));
	}
	return found;
}

static DbmHarm
harm_of_move(const DbmCommand *command, const char **victim)
{
	const AlterObjectSchemaStmt *statement = (const AlterObjectSchemaStmt *) command->tree;
	const DbmTarget *target = linitial(command->targets);
	const DbmTarget *destination = llast(command->targets);

	if (destination->address.objectId != dbm_functions_namespace())
		return DBM_HARM_NONE;
	if ((is_callable(statement->objectType) && is_our_name(target->name)) ||
		(statement->objectType == OBJECT_EXTENSION && OidIsValid(target->address.objectId) &&
		 extension_has_our_name(target->address.objectId)))
	{
		*victim = target->name;
		return DBM_HARM_NAME;
	}
	return DBM_HARM_NONE;
}

/* An extension that holds the schema of our functions would take them along when dropped. */
static DbmHarm
harm_of_contents(const DbmCommand *command, const char **victim)
{
	const DbmTarget *content = llast(command->targets);

	if (content->type == OBJECT_SCHEMA && content->address.objectId == dbm_functions_namespace())
	{
		*victim = dbm_target_identity(content);
		return DBM_HARM_MEMBERSHIP;
	}
	return DBM_HARM_NONE;
}

/* A view's query depends on its rule, the rule on what the query reads. */
static List *
append_rules(List *found, Relation depend, Oid view)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(view));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->classid == RewriteRelationId && form->deptype == DEPENDENCY_INTERNAL)
		{
			ObjectAddress rule = {form->classid, form->objid, 0};

			found = append_dependencies(found, depend, &rule);
		}
	}
	systable_endscan(scan);
	return found;
}

/* One of our relations that a view reads, through any number of others; or InvalidOid. */
static Oid
find_read_by_view(Oid view)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	List	   *pending = append_rules(NIL, depend, view);
	List	   *known = NIL;
	Oid			found = InvalidOid;

	while (pending != NIL && !OidIsValid(found))
	{
		ObjectAddress *address = linitial(pending);

		pending = list_delete_first(pending);
		if (address->classId != RelationRelationId || list_member_oid(known, address->objectId))
			continue;
		known = lappend_oid(known, address->objectId);
		if (is_ours(address->classId, address->objectId))
			found = address->objectId;
		else if (get_rel_relkind(address->objectId) == RELKIND_VIEW)
			pending = append_rules(pending, depend, address->objectId);
	}
	table_close(depend, AccessShareLock);
	return found;
}

/* LOCK TABLE on a view locks what it reads, with the rights of its owner. */
static DbmHarm
harm_of_lock(const DbmCommand *command, const char **victim)
{
	ListCell   *cell;

	foreach(cell, command->targets)
	{
		Oid			relation = ((const DbmTarget *) lfirst(cell))->address.objectId;
		Oid			read;

		if (!OidIsValid(relation) || get_rel_relkind(relation) != RELKIND_VIEW)
			continue;
		read = find_read_by_view(relation);
		if (OidIsValid(read))
		{
			*victim = psprintf("%s.%s", get_namespace_name(get_rel_namespace(read)),
							   get_rel_name(read));
			return DBM_HARM_LOCK;
		}
	}
	return DBM_HARM_NONE;
}

typedef struct HarmCase
{
	NodeTag		tag;
	DbmHarm		(*harm_of) (const DbmCommand *command, const char **victim);
} HarmCase;

static const HarmCase harm_cases[] = {
	{T_DropStmt, harm_of_drop},
	{T_DropOwnedStmt, harm_of_owner},
	{T_ReassignOwnedStmt, harm_of_reassign},
	{T_RenameStmt, harm_of_rename},
	{T_AlterObjectSchemaStmt, harm_of_move},
	{T_AlterExtensionContentsStmt, harm_of_contents},
	{T_LockStmt, harm_of_lock},
};

/* What naming something of ours means, by the statement that names it. */
static DbmHarm
harm_to_target(const DbmCommand *command, const DbmTarget *target)
{
	if (target->role == DBM_TARGET_CREATED)
		return target->namespace == dbm_tables_namespace() ? DBM_HARM_INTRUDER : DBM_HARM_NONE;
	if (target->address.classId == ExtensionRelationId)
		return DBM_HARM_EXTENSION;
	if (IsA(command->tree, LockStmt))
		return DBM_HARM_LOCK;
	if (target->role == DBM_TARGET_MENTIONED)
	{
		if (IsA(command->tree, CreatePublicationStmt) || IsA(command->tree, AlterPublicationStmt))
			return DBM_HARM_PUBLICATION;
		if (IsA(command->tree, AlterExtensionContentsStmt))
			return DBM_HARM_MEMBERSHIP;
		if (target->type == OBJECT_SCHEMA)
			return DBM_HARM_INTRUDER;
	}
	return DBM_HARM_MEMBER;
}

static DbmHarm
harm_of_target(const DbmCommand *command, const DbmTarget *target, const char **victim)
{
	DbmHarm		harm = DBM_HARM_NONE;

	/* the name first: of a range type, it is the constructor functions that matter */
	if (target->role == DBM_TARGET_CREATED && is_callable(target->type) &&
		is_our_name(target->name) && target->namespace == dbm_functions_namespace())
		harm = DBM_HARM_NAME;
	else if (is_our_target(target))
		harm = harm_to_target(command, target);

	if (harm == DBM_HARM_EXTENSION && is_way_out(command))
		return DBM_HARM_NONE;
	if (harm != DBM_HARM_NONE)
		*victim = harm == DBM_HARM_NAME ? target->name : dbm_target_identity(target);
	return harm;
}

DbmHarm
dbm_harm_of(const DbmCommand *command, const char **victim)
{
	DbmHarm		harm;
	ListCell   *cell;

	*victim = NULL;
	if (is_part_of_restore(command))
		return DBM_HARM_NONE;

	foreach(cell, command->targets)
	{
		harm = harm_of_target(command, lfirst(cell), victim);
		if (harm != DBM_HARM_NONE)
			return harm;
	}
	if (command->targets == NIL)
		return DBM_HARM_NONE;
	for (int at = 0; at < lengthof(harm_cases); at++)
	{
		if (harm_cases[at].tag != nodeTag(command->tree))
			continue;
		harm = harm_cases[at].harm_of(command, victim);
		if (harm != DBM_HARM_NONE)
			return harm;
	}
	return DBM_HARM_NONE;
}
