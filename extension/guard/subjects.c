/*
 * guard/subjects.c: which objects does a statement name, where one field is not all
 *
 * What the statement alters, drops or creates is a subject; what it only
 * leans on (a referenced or inherited table, a schema to create in) is
 * mentioned.  Grammar rules behind each reader: gram.y.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "guard/subjects.h"

static void
note(DbmCommand *command, DbmTarget *target)
{
	command->targets = lappend(command->targets, target);
}

void
dbm_note_relation(DbmCommand *command, DbmTargetRole role, ObjectType type,
				  const RangeVar *relation)
{
	if (relation)
		note(command, dbm_target_relation(role, type, relation));
}

void
dbm_note_object(DbmCommand *command, DbmTargetRole role, ObjectType type, Node *object)
{
	note(command, dbm_target_object(role, type, object));
}

void
dbm_note_name(DbmCommand *command, DbmTargetRole role, ObjectType type, char *name)
{
	if (name)
		dbm_note_object(command, role, type, (Node *) makeString(name));
}

void
dbm_note_names(DbmCommand *command, DbmTargetRole role, ObjectType type, List *names)
{
	dbm_note_object(command, role, type, (Node *) names);
}

/* A part (trigger, rule, policy ...) of a relation, printed as "part on relation". */
static void
note_part(DbmCommand *command, ObjectType type, const RangeVar *relation, const char *part)
{
	DbmTarget  *target = dbm_target_relation(DBM_TARGET_EXISTING, type, relation);

	target->part = part;
	note(command, target);
}

static void
mention_relations(DbmCommand *command, List *relations)
{
	ListCell   *cell;

	foreach(cell, relations)
	{
		if (IsA(lfirst(cell), RangeVar))
			dbm_note_relation(command, DBM_TARGET_MENTIONED, OBJECT_TABLE, lfirst(cell));
	}
}

/* Foreign keys put triggers on the table they reference. */
static void
mention_constraints(DbmCommand *command, List *elements)
{
	ListCell   *cell;

	foreach(cell, elements)
	{
		Node	   *element = lfirst(cell);

		if (IsA(element, Constraint))
			dbm_note_relation(command, DBM_TARGET_MENTIONED, OBJECT_TABLE,
							  castNode(Constraint, element)->pktable);
		else if (IsA(element, ColumnDef))
			mention_constraints(command, castNode(ColumnDef, element)->constraints);
	}
}

static void
read_create_table(DbmCommand *command, const Node *tree)
{
	const CreateStmt *statement = (const CreateStmt *) tree;

	dbm_note_relation(command, DBM_TARGET_CREATED,
					  IsA(tree, CreateForeignTableStmt) ? OBJECT_FOREIGN_TABLE : OBJECT_TABLE,
					  statement->relation);
	mention_relations(command, statement->inhRelations);
	mention_constraints(command, statement->tableElts);
	mention_constraints(command, statement->constraints);
}

static void
read_alter_table(DbmCommand *command, const Node *tree)
{
	const AlterTableStmt *statement = (const AlterTableStmt *) tree;
	ListCell   *cell;

	dbm_note_relation(command, DBM_TARGET_EXISTING, statement->objtype, statement->relation);
	foreach(cell, statement->cmds)
	{
		Node	   *definition = lfirst_node(AlterTableCmd, cell)->def;

		if (definition == NULL)
			continue;
		if (IsA(definition, RangeVar))
			dbm_note_relation(command, DBM_TARGET_MENTIONED, OBJECT_TABLE, (RangeVar *) definition);
		else if (IsA(definition, PartitionCmd))
			dbm_note_relation(command, DBM_TARGET_MENTIONED, OBJECT_TABLE,
							  ((PartitionCmd *) definition)->name);
		else
			mention_constraints(command, list_make1(definition));
	}
}

static void
read_create_as(DbmCommand *command, const Node *tree)
{
	const CreateTableAsStmt *statement = (const CreateTableAsStmt *) tree;

	dbm_note_relation(command, DBM_TARGET_CREATED, statement->objtype, statement->into->rel);
}

/* A view over a temporary table is temporary without saying so. */
static void
read_create_view(DbmCommand *command, const Node *tree)
{
	const ViewStmt *statement = (const ViewStmt *) tree;
	DbmTarget  *view = dbm_target_relation(DBM_TARGET_CREATED, OBJECT_VIEW, statement->view);

	if (!view->temporary && !command->finished && dbm_query_reads_temporary(statement->query))
		view->temporary = true;
	note(command, view);
}

static void
read_create_trigger(DbmCommand *command, const Node *tree)
{
	const CreateTrigStmt *statement = (const CreateTrigStmt *) tree;

	note_part(command, OBJECT_TRIGGER, statement->relation, statement->trigname);
	dbm_note_relation(command, DBM_TARGET_MENTIONED, OBJECT_TABLE, statement->constrrel);
}

static void
read_create_rule(DbmCommand *command, const Node *tree)
{
	const RuleStmt *statement = (const RuleStmt *) tree;

	note_part(command, OBJECT_RULE, statement->relation, statement->rulename);
}

static void
read_create_policy(DbmCommand *command, const Node *tree)
{
	const CreatePolicyStmt *statement = (const CreatePolicyStmt *) tree;

	note_part(command, OBJECT_POLICY, statement->table, statement->policy_name);
}

static void
read_alter_policy(DbmCommand *command, const Node *tree)
{
	const AlterPolicyStmt *statement = (const AlterPolicyStmt *) tree;

	note_part(command, OBJECT_POLICY, statement->table, statement->policy_name);
}

static void
read_create_statistics(DbmCommand *command, const Node *tree)
{
	const CreateStatsStmt *statement = (const CreateStatsStmt *) tree;
	RangeVar   *table = linitial(statement->relations);

	/* without a name of its own it goes where its table is */
	if (statement->defnames)
		dbm_note_names(command, DBM_TARGET_CREATED, OBJECT_STATISTIC_EXT, statement->defnames);
	else if (IsA(table, RangeVar))
		dbm_note_relation(command, DBM_TARGET_EXISTING, OBJECT_TABLE, table);
	mention_relations(command, statement->relations);
}

static void
read_create_function(DbmCommand *command, const Node *tree)
{
	const CreateFunctionStmt *statement = (const CreateFunctionStmt *) tree;

	dbm_note_names(command, DBM_TARGET_CREATED,
				   statement->is_procedure ? OBJECT_PROCEDURE : OBJECT_FUNCTION,
				   statement->funcname);
}

static void
read_alter_function(DbmCommand *command, const Node *tree)
{
	const AlterFunctionStmt *statement = (const AlterFunctionStmt *) tree;

	dbm_note_object(command, DBM_TARGET_EXISTING, statement->objtype, (Node *) statement->func);
}

static void
read_define(DbmCommand *command, const Node *tree)
{
	const DefineStmt *statement = (const DefineStmt *) tree;

	dbm_note_names(command, DBM_TARGET_CREATED, statement->kind, statement->defnames);
}

/* A range type brings constructor functions of its own name and of its multirange's. */
static void
read_create_range(DbmCommand *command, const Node *tree)
{
	const CreateRangeStmt *statement = (const CreateRangeStmt *) tree;
	ListCell   *cell;

	dbm_note_names(command, DBM_TARGET_CREATED, OBJECT_TYPE, statement->typeName);
	foreach(cell, statement->params)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "multirange_type_name") == 0)
			dbm_note_names(command, DBM_TARGET_CREATED, OBJECT_TYPE, defGetQualifiedName(option));
	}
}

static void
read_alter_opfamily(DbmCommand *command, const Node *tree)
{
	const AlterOpFamilyStmt *statement = (const AlterOpFamilyStmt *) tree;

	dbm_note_names(command, DBM_TARGET_EXISTING, OBJECT_OPFAMILY,
				   lcons(makeString(statement->amname), list_copy(statement->opfamilyname)));
}

/* The elements of CREATE SCHEMA fire no events of their own: their targets count here. */
static void
read_create_schema(DbmCommand *command, const Node *tree)
{
	const CreateSchemaStmt *statement = (const CreateSchemaStmt *) tree;
	char	   *name = statement->schemaname;
	ListCell   *cell;

	if (name == NULL && statement->authrole && statement->authrole->roletype == ROLESPEC_CSTRING)
		name = statement->authrole->rolename;
	dbm_note_name(command, DBM_TARGET_CREATED, OBJECT_SCHEMA, name);

	foreach(cell, statement->schemaElts)
	{
		const Node *element = lfirst(cell);
		DbmCommand	inner = {.tree = element};
		ListCell   *target;

		dbm_read_subjects(&inner);
		foreach(target, inner.targets)
		{
			/* what the element creates lands in the new schema, whatever the path says */
			if (((DbmTarget *) lfirst(target))->role == DBM_TARGET_CREATED)
				continue;
			((DbmTarget *) lfirst(target))->role = DBM_TARGET_MENTIONED;
			note(command, lfirst(target));
		}
	}
}

static void
read_create_extension(DbmCommand *command, const Node *tree)
{
	const CreateExtensionStmt *statement = (const CreateExtensionStmt *) tree;
	ListCell   *cell;

	dbm_note_name(command, DBM_TARGET_CREATED, OBJECT_EXTENSION, statement->extname);
	foreach(cell, statement->options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "schema") == 0)
			dbm_note_name(command, DBM_TARGET_MENTIONED, OBJECT_SCHEMA, defGetString(option));
	}
}

static void
read_alter_extension_contents(DbmCommand *command, const Node *tree)
{
	const AlterExtensionContentsStmt *statement = (const AlterExtensionContentsStmt *) tree;

	dbm_note_name(command, DBM_TARGET_EXISTING, OBJECT_EXTENSION, statement->extname);
	dbm_note_object(command, DBM_TARGET_MENTIONED, statement->objtype, statement->object);
}

static void
mention_published(DbmCommand *command, List *objects)
{
	ListCell   *cell;

	foreach(cell, objects)
	{
		PublicationObjSpec *object = lfirst_node(PublicationObjSpec, cell);

		if (object->pubobjtype == PUBLICATIONOBJ_TABLE && object->pubtable)
			dbm_note_relation(command, DBM_TARGET_MENTIONED, OBJECT_TABLE,
							  object->pubtable->relation);
		else if (object->pubobjtype == PUBLICATIONOBJ_TABLES_IN_SCHEMA)
			dbm_note_name(command, DBM_TARGET_MENTIONED, OBJECT_SCHEMA, object->name);
	}
}

static void
read_lock(DbmCommand *command, const Node *tree)
{
	ListCell   *cell;

	foreach(cell, ((const LockStmt *) tree)->relations)
		dbm_note_relation(command, DBM_TARGET_EXISTING, OBJECT_TABLE, lfirst(cell));
}

static void
read_create_publication(DbmCommand *command, const Node *tree)
{
	const CreatePublicationStmt *statement = (const CreatePublicationStmt *) tree;

	dbm_note_name(command, DBM_TARGET_CREATED, OBJECT_PUBLICATION, statement->pubname);
	mention_published(command, statement->pubobjects);
}

static void
read_alter_publication(DbmCommand *command, const Node *tree)
{
	const AlterPublicationStmt *statement = (const AlterPublicationStmt *) tree;

	dbm_note_name(command, DBM_TARGET_EXISTING, OBJECT_PUBLICATION, statement->pubname);
	if (statement->action != AP_DropObjects)
		mention_published(command, statement->pubobjects);
}

static void
read_drop(DbmCommand *command, const Node *tree)
{
	const DropStmt *statement = (const DropStmt *) tree;
	ListCell   *cell;

	foreach(cell, statement->objects)
		dbm_note_object(command, DBM_TARGET_EXISTING, statement->removeType, lfirst(cell));
}

static void
read_rename(DbmCommand *command, const Node *tree)
{
	const RenameStmt *statement = (const RenameStmt *) tree;

	if (statement->relation)
		note_part(command, statement->renameType, statement->relation, statement->subname);
	else if (statement->object)
		dbm_note_object(command, DBM_TARGET_EXISTING,
						statement->renameType == OBJECT_DOMCONSTRAINT ? OBJECT_DOMAIN
																	  : statement->renameType,
						statement->object);
	else
		dbm_note_name(command, DBM_TARGET_EXISTING, statement->renameType, statement->subname);
}

static void
read_depends(DbmCommand *command, const Node *tree)
{
	const AlterObjectDependsStmt *statement = (const AlterObjectDependsStmt *) tree;

	if (statement->objectType == OBJECT_TRIGGER)
		note_part(command, OBJECT_TRIGGER, statement->relation,
				  strVal(llast(castNode(List, statement->object))));
	else if (statement->relation)
		dbm_note_relation(command, DBM_TARGET_EXISTING, statement->objectType, statement->relation);
	else
		dbm_note_object(command, DBM_TARGET_EXISTING, statement->objectType, statement->object);
}

static void
read_set_schema(DbmCommand *command, const Node *tree)
{
	const AlterObjectSchemaStmt *statement = (const AlterObjectSchemaStmt *) tree;

	if (statement->relation)
		dbm_note_relation(command, DBM_TARGET_EXISTING, statement->objectType, statement->relation);
	else
		dbm_note_object(command, DBM_TARGET_EXISTING, statement->objectType, statement->object);
	dbm_note_name(command, DBM_TARGET_MENTIONED, OBJECT_SCHEMA, statement->newschema);
}

static void
read_owner(DbmCommand *command, const Node *tree)
{
	const AlterOwnerStmt *statement = (const AlterOwnerStmt *) tree;

	if (statement->relation)
		dbm_note_relation(command, DBM_TARGET_EXISTING, statement->objectType, statement->relation);
	else
		dbm_note_object(command, DBM_TARGET_EXISTING, statement->objectType, statement->object);
}

static void
read_comment(DbmCommand *command, const Node *tree)
{
	const CommentStmt *statement = (const CommentStmt *) tree;

	dbm_note_object(command, DBM_TARGET_EXISTING, statement->objtype, statement->object);
}

static void
read_label(DbmCommand *command, const Node *tree)
{
	const SecLabelStmt *statement = (const SecLabelStmt *) tree;

	dbm_note_object(command, DBM_TARGET_EXISTING, statement->objtype, statement->object);
}

static void
read_grant(DbmCommand *command, const Node *tree)
{
	const GrantStmt *statement = (const GrantStmt *) tree;
	ObjectType type = statement->targtype == ACL_TARGET_ALL_IN_SCHEMA ? OBJECT_SCHEMA
																	  : statement->objtype;
	ListCell   *cell;

	foreach(cell, statement->objects)
	{
		Node	   *object = lfirst(cell);

		if (IsA(object, RangeVar))
			dbm_note_relation(command, DBM_TARGET_EXISTING, type, (RangeVar *) object);
		else
			dbm_note_object(command, DBM_TARGET_EXISTING, type, object);
	}
}

static void
read_default_privileges(DbmCommand *command, const Node *tree)
{
	const AlterDefaultPrivilegesStmt *statement = (const AlterDefaultPrivilegesStmt *) tree;
	ListCell   *cell;

	foreach(cell, statement->options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);
		ListCell   *schema;

		if (strcmp(option->defname, "schemas") != 0)
			continue;
		foreach(schema, (List *) option->arg)
			dbm_note_object(command, DBM_TARGET_EXISTING, OBJECT_SCHEMA, lfirst(schema));
	}
}

void
dbm_note_role(DbmCommand *command, DbmTargetRole role, const RoleSpec *name)
{
	Oid oid = name && name->roletype != ROLESPEC_PUBLIC ? get_rolespec_oid(name, true) : InvalidOid;

	if (OidIsValid(oid))
		dbm_note_name(command, role, OBJECT_ROLE, GetUserNameFromId(oid, false));
}

static void
note_roles(DbmCommand *command, List *roles)
{
	ListCell   *cell;

	foreach(cell, roles)
		dbm_note_role(command, DBM_TARGET_EXISTING, lfirst_node(RoleSpec, cell));
}

static void
read_drop_owned(DbmCommand *command, const Node *tree)
{
	note_roles(command, ((const DropOwnedStmt *) tree)->roles);
}

static void
read_drop_role(DbmCommand *command, const Node *tree)
{
	note_roles(command, ((const DropRoleStmt *) tree)->roles);
}

static void
read_grant_role(DbmCommand *command, const Node *tree)
{
	note_roles(command, ((const GrantRoleStmt *) tree)->grantee_roles);
}

static void
read_reassign_owned(DbmCommand *command, const Node *tree)
{
	note_roles(command, ((const ReassignOwnedStmt *) tree)->roles);
}

typedef struct ReaderCase
{
	NodeTag		tag;
	void		(*read) (DbmCommand *command, const Node *tree);
} ReaderCase;

static const ReaderCase reader_cases[] = {
	{T_CreateStmt, read_create_table},
	{T_CreateForeignTableStmt, read_create_table},
	{T_AlterTableStmt, read_alter_table},
	{T_CreateTableAsStmt, read_create_as},
	{T_ViewStmt, read_create_view},
	{T_CreateTrigStmt, read_create_trigger},
	{T_RuleStmt, read_create_rule},
	{T_CreatePolicyStmt, read_create_policy},
	{T_AlterPolicyStmt, read_alter_policy},
	{T_CreateStatsStmt, read_create_statistics},
	{T_CreateFunctionStmt, read_create_function},
	{T_AlterFunctionStmt, read_alter_function},
	{T_DefineStmt, read_define},
	{T_CreateRangeStmt, read_create_range},
	{T_AlterOpFamilyStmt, read_alter_opfamily},
	{T_CreateSchemaStmt, read_create_schema},
	{T_CreateExtensionStmt, read_create_extension},
	{T_AlterExtensionContentsStmt, read_alter_extension_contents},
	{T_CreatePublicationStmt, read_create_publication},
	{T_AlterPublicationStmt, read_alter_publication},
	{T_LockStmt, read_lock},
	{T_DropStmt, read_drop},
	{T_RenameStmt, read_rename},
	{T_AlterObjectDependsStmt, read_depends},
	{T_AlterObjectSchemaStmt, read_set_schema},
	{T_AlterOwnerStmt, read_owner},
	{T_CommentStmt, read_comment},
	{T_SecLabelStmt, read_label},
	{T_GrantStmt, read_grant},
	{T_AlterDefaultPrivilegesStmt, read_default_privileges},
	{T_DropOwnedStmt, read_drop_owned},
	{T_ReassignOwnedStmt, read_reassign_owned},
	{T_DropRoleStmt, read_drop_role},
	{T_GrantRoleStmt, read_grant_role},
};

void
dbm_read_subjects(DbmCommand *command)
{
	NodeTag		tag = nodeTag(command->tree);

	dbm_read_subject_field(command);
	for (int at = 0; at < lengthof(reader_cases); at++)
	{
		if (reader_cases[at].tag == tag)
			reader_cases[at].read(command, command->tree);
	}
}
