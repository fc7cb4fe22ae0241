/*
 * guard/classify.c: a table of statements and the class of each
 */
#include "postgres.h"

#include "catalog/objectaddress.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/event_trigger.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/guc.h"

#include "guard/classify.h"
#include "guard/subjects.h"

/* Settings that decide whether this library is loaded and heard. */
static const char *const protected_settings[] = {
	"event_triggers",           "local_preload_libraries",  "session_preload_libraries",
	"session_replication_role", "shared_preload_libraries",
};

/* Those of them that a session can switch for itself. */
static const char *const session_switches[] = {
	"event_triggers",
	"session_replication_role",
};

static bool
is_listed(const char *name, const char *const *list, int length)
{
	for (int at = 0; at < length; at++)
	{
		if (pg_strcasecmp(name, list[at]) == 0)
			return true;
	}
	return false;
}

static bool
is_protected_setting(const char *name)
{
	return is_listed(name, protected_settings, lengthof(protected_settings)) ||
		   pg_strncasecmp(name, "dbmaestro.", strlen("dbmaestro.")) == 0;
}

/* Does storing this setting, or forgetting all stored ones, touch a protected one? */
static void
judge_stored_setting(DbmCommand *command, const VariableSetStmt *setting, bool for_everybody)
{
	bool		all = setting->kind == VAR_RESET_ALL;

	command->setting = all ? "ALL" : setting->name;
	command->class = (all ? for_everybody : is_protected_setting(setting->name))
						 ? DBM_COMMAND_PROTECTED_SETTING
						 : DBM_COMMAND_CLUSTER;
}

static void
judge_role_setting(DbmCommand *command, const Node *tree)
{
	const AlterRoleSetStmt *statement = (const AlterRoleSetStmt *) tree;

	judge_stored_setting(command, statement->setstmt, statement->role == NULL);
}

static void
judge_database_setting(DbmCommand *command, const Node *tree)
{
	judge_stored_setting(command, ((const AlterDatabaseSetStmt *) tree)->setstmt, true);
}

static void
judge_server_setting(DbmCommand *command, const Node *tree)
{
	judge_stored_setting(command, ((const AlterSystemStmt *) tree)->setstmt, true);
	command->outlives_rollback = true;
}

static void
judge_session_setting(DbmCommand *command, const Node *tree)
{
	const VariableSetStmt *setting = (const VariableSetStmt *) tree;

	if (setting->name && is_listed(setting->name, session_switches, lengthof(session_switches)))
	{
		command->class = DBM_COMMAND_SESSION_SWITCH;
		command->setting = setting->name;
	}
}

static void
judge_cluster(DbmCommand *command, const Node *tree)
{
	command->class = DBM_COMMAND_CLUSTER;
}

static void
judge_files(DbmCommand *command, const Node *tree)
{
	command->class = DBM_COMMAND_CLUSTER;
	command->outlives_rollback = true;
}

/* Moving a database to another tablespace copies its files at once; the rest is a row. */
static void
judge_database(DbmCommand *command, const Node *tree)
{
	ListCell   *cell;

	command->class = DBM_COMMAND_CLUSTER;
	foreach (cell, ((const AlterDatabaseStmt *) tree)->options)
	{
		if (strcmp(lfirst_node(DefElem, cell)->defname, "tablespace") == 0)
			command->outlives_rollback = true;
	}
}

/* What a query takes itself, and pg_dump, is in nobody's way. */
static bool
locks_others_out(const Node *tree)
{
	return ((const LockStmt *) tree)->mode > AccessShareLock;
}

static void
judge_lock(DbmCommand *command, const Node *tree)
{
	if (locks_others_out(tree))
		command->class = DBM_COMMAND_LOCK;
}

static void
judge_event_trigger(DbmCommand *command, const Node *tree)
{
	command->class = DBM_COMMAND_EVENT_TRIGGER;
}

static void
judge_schema(DbmCommand *command, const Node *tree)
{
	command->class = DBM_COMMAND_SCHEMA;
}

static void
judge_schema_with_secret(DbmCommand *command, const Node *tree)
{
	command->class = DBM_COMMAND_SCHEMA;
	command->holds_secret = true;
}

static void
judge_upkeep(DbmCommand *command, const Node *tree)
{
	command->class = DBM_COMMAND_OTHER;
}

static void
judge_reuse(DbmCommand *command, const Node *tree)
{
	command->reuses = true;
}

static bool
is_reuse(const Node *query)
{
	return query != NULL && IsA(query, Query) &&
		   ((const Query *) query)->commandType == CMD_UTILITY &&
		   IsA(((const Query *) query)->utilityStmt, ExecuteStmt);
}

static void
judge_create_as(DbmCommand *command, const Node *tree)
{
	command->class = DBM_COMMAND_SCHEMA;
	command->reuses = is_reuse(((const CreateTableAsStmt *) tree)->query);
}

/* The last of several ANALYZE options counts, as for the server. */
static bool
explain_runs(const ExplainStmt *statement)
{
	bool		runs = false;
	ListCell   *cell;

	foreach(cell, statement->options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "analyze") == 0)
			runs = defGetBoolean(option);
	}
	return runs;
}

/* EXPLAIN ANALYZE of what creates a table creates it, and fires no event trigger. */
static void
judge_explain(DbmCommand *command, const Node *tree)
{
	const ExplainStmt *statement = (const ExplainStmt *) tree;
	const Query *query = (const Query *) statement->query;

	if (query == NULL || !IsA(query, Query) || query->commandType != CMD_UTILITY)
		return;
	if (IsA(query->utilityStmt, ExecuteStmt))
		command->reuses = true;
	else if (IsA(query->utilityStmt, CreateTableAsStmt) && explain_runs(statement))
	{
		judge_create_as(command, query->utilityStmt);
		command->tree = query->utilityStmt;
		command->action = psprintf("EXPLAIN ANALYZE %s", CreateCommandName(query->utilityStmt));
		command->fires_events = false;
	}
}

/* Statements that take any kind of object: the class is the object's. */
static void
judge_object(DbmCommand *command, ObjectType type)
{
	switch (type)
	{
		case OBJECT_DATABASE:
		case OBJECT_TABLESPACE:
		case OBJECT_ROLE:
		case OBJECT_PARAMETER_ACL:
			command->class = DBM_COMMAND_CLUSTER;
			break;
		case OBJECT_EVENT_TRIGGER:
			command->class = DBM_COMMAND_EVENT_TRIGGER;
			break;
		case OBJECT_LARGEOBJECT:
			command->class = DBM_COMMAND_OTHER;
			break;
		default:
			command->class = DBM_COMMAND_SCHEMA;
			break;
	}
	if (!EventTriggerSupportsObjectType(type))
		command->fires_events = false;
}

static void
judge_grant(DbmCommand *command, const Node *tree)
{
	judge_object(command, ((const GrantStmt *) tree)->objtype);
}

static void
judge_drop(DbmCommand *command, const Node *tree)
{
	judge_object(command, ((const DropStmt *) tree)->removeType);
}

static void
judge_rename(DbmCommand *command, const Node *tree)
{
	judge_object(command, ((const RenameStmt *) tree)->renameType);
}

/* The owner of this database owns its schema public: not a matter of the cluster alone. */
static void
judge_owner(DbmCommand *command, const Node *tree)
{
	const AlterOwnerStmt *statement = (const AlterOwnerStmt *) tree;

	judge_object(command, statement->objectType);
	if (statement->objectType == OBJECT_DATABASE &&
		get_database_oid(strVal(statement->object), true) == MyDatabaseId)
		command->class = DBM_COMMAND_SCHEMA;
}

static void
judge_comment(DbmCommand *command, const Node *tree)
{
	judge_object(command, ((const CommentStmt *) tree)->objtype);
}

static void
judge_label(DbmCommand *command, const Node *tree)
{
	judge_object(command, ((const SecLabelStmt *) tree)->objtype);
}

typedef struct StatementCase
{
	NodeTag		tag;
	void		(*judge) (DbmCommand *command, const Node *tree);
} StatementCase;

/*
 * What is not listed here is a schema change if the server fires event
 * triggers for it, and nothing to us if not.
 */
static const StatementCase statement_cases[] = {
	/* any kind of object */
	{T_GrantStmt, judge_grant},
	{T_DropStmt, judge_drop},
	{T_RenameStmt, judge_rename},
	{T_AlterOwnerStmt, judge_owner},
	{T_CommentStmt, judge_comment},
	{T_SecLabelStmt, judge_label},

	/* creating from a query */
	{T_CreateTableAsStmt, judge_create_as},
	{T_ExplainStmt, judge_explain},

	/* schema changes for which no event trigger fires */
	{T_ReassignOwnedStmt, judge_schema},

	/* event triggers are called for these, but they change no definition */
	{T_RefreshMatViewStmt, judge_upkeep},
	{T_ReindexStmt, judge_upkeep},

	/* of ours: nothing could be recorded */
	{T_LockStmt, judge_lock},

	/* options of any name hold secrets here */
	{T_CreateUserMappingStmt, judge_schema_with_secret},
	{T_AlterUserMappingStmt, judge_schema_with_secret},

	/* event triggers */
	{T_CreateEventTrigStmt, judge_event_trigger},
	{T_AlterEventTrigStmt, judge_event_trigger},

	/* the cluster */
	{T_CreateRoleStmt, judge_cluster},
	{T_AlterRoleStmt, judge_cluster},
	{T_AlterRoleSetStmt, judge_role_setting},
	{T_DropRoleStmt, judge_cluster},
	{T_GrantRoleStmt, judge_cluster},
	{T_CreatedbStmt, judge_files},
	{T_DropdbStmt, judge_files},
	{T_AlterDatabaseStmt, judge_database},
	{T_AlterDatabaseRefreshCollStmt, judge_cluster},
	{T_AlterDatabaseSetStmt, judge_database_setting},
	{T_AlterSystemStmt, judge_server_setting},
	{T_CreateTableSpaceStmt, judge_files},
	{T_DropTableSpaceStmt, judge_files},
	{T_AlterTableSpaceOptionsStmt, judge_cluster},
	{T_LoadStmt, judge_cluster},

	/* the session */
	{T_VariableSetStmt, judge_session_setting},
	{T_ExecuteStmt, judge_reuse},
	{T_FetchStmt, judge_reuse},
};

bool
dbm_is_harmless(const Node *tree)
{
	switch (nodeTag(tree))
	{
		case T_TransactionStmt:
		case T_DeclareCursorStmt:
		case T_ClosePortalStmt:
		case T_DoStmt:
		case T_CallStmt:
		case T_CopyStmt:
		case T_PrepareStmt:
		case T_DeallocateStmt:
		case T_NotifyStmt:
		case T_ListenStmt:
		case T_UnlistenStmt:
		case T_TruncateStmt:
		case T_VacuumStmt:
		case T_ClusterStmt:
		case T_ConstraintsSetStmt:
		case T_CheckPointStmt:
		case T_DiscardStmt:
		case T_VariableShowStmt:
			return true;
		case T_LockStmt:
			return !locks_others_out(tree);
		case T_VariableSetStmt:
		{
			DbmCommand	command = {0};

			judge_session_setting(&command, tree);
			return command.class == DBM_COMMAND_OTHER;
		}
		default:
			return false;
	}
}

static void
classify(const Node *tree, DbmCommand *command)
{
	CommandTag	tag = CreateCommandTag((Node *) tree);
	void		(*judge) (DbmCommand *command, const Node *tree) = NULL;

	command->tree = tree;
	command->action = GetCommandTagName(tag);
	command->fires_events = command_tag_event_trigger_ok(tag);
	command->class = command->fires_events ? DBM_COMMAND_SCHEMA : DBM_COMMAND_OTHER;

	for (int at = 0; at < lengthof(statement_cases) && judge == NULL; at++)
	{
		if (statement_cases[at].tag == nodeTag(tree))
			judge = statement_cases[at].judge;
	}
	if (judge)
		judge(command, tree);
	if (command->class != DBM_COMMAND_OTHER)
		dbm_read_subjects(command);
}

void
dbm_classify(const Node *tree, DbmCommand *command)
{
	memset(command, 0, sizeof(*command));
	classify(tree, command);
}

void
dbm_classify_finished(const Node *tree, DbmCommand *command)
{
	memset(command, 0, sizeof(*command));
	command->finished = true;
	classify(tree, command);
}

/* The first subject; of a mixture the first one that is not temporary. */
static const DbmTarget *
first_subject(const DbmCommand *command)
{
	const DbmTarget *first = NULL;
	ListCell   *cell;

	foreach(cell, command->targets)
	{
		const DbmTarget *target = lfirst(cell);

		if (target->role == DBM_TARGET_MENTIONED)
			continue;
		if (!target->temporary)
			return target;
		if (first == NULL)
			first = target;
	}
	return first;
}

const char *
dbm_command_object_kind(const DbmCommand *command)
{
	const DbmTarget *subject = first_subject(command);

	if (subject == NULL)
		return command->setting ? "setting" : NULL;
	return dbm_object_type_name(subject->type);
}

const char *
dbm_command_object(const DbmCommand *command)
{
	const DbmTarget *subject = first_subject(command);

	return subject ? dbm_target_identity(subject) : command->setting;
}

/*
 * Names that are not found decide nothing: with IF EXISTS the command skips
 * them, without it the server refuses.  But one must be found and temporary.
 */
bool
dbm_command_is_temporary(const DbmCommand *command)
{
	bool		temporary = false;
	ListCell   *cell;

	foreach(cell, command->targets)
	{
		const DbmTarget *target = lfirst(cell);

		if (target->role == DBM_TARGET_MENTIONED)
			continue;
		if (target->temporary)
			temporary = true;
		else if (target->role == DBM_TARGET_CREATED || OidIsValid(target->address.objectId) ||
				 OidIsValid(target->namespace))
			return false;
	}
	return temporary;
}
