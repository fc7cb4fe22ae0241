/*
 * script/refused.c: which statements must not be in a script
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

#include "script/finding.h"

typedef struct RefusedStatement
{
	NodeTag tag;
	bool (*applies)(const Node *node); /* NULL: always */
	DbmFindingKind kind;
	const char *subject; /* NULL: its command tag */
} RefusedStatement;

typedef struct RefusedSetting
{
	const char *name; /* a dot at the end: every setting that begins so */
	DbmFindingKind kind;
	const char *accepted; /* boolean value that is harmless, or NULL */
} RefusedSetting;

static bool
copies_to_client(const Node *node)
{
	const CopyStmt *copy = (const CopyStmt *) node;

	return !copy->is_from && copy->filename == NULL && !copy->is_program;
}

static const RefusedStatement refused_statements[] = {
	{T_TransactionStmt, NULL, DBM_FINDING_TRANSACTION},
	{T_PrepareStmt, NULL, DBM_FINDING_PREPARED},
	{T_ExecuteStmt, NULL, DBM_FINDING_PREPARED},
	{T_DeallocateStmt, NULL, DBM_FINDING_PREPARED},
	{T_DeclareCursorStmt, NULL, DBM_FINDING_CURSOR},
	{T_FetchStmt, NULL, DBM_FINDING_CURSOR},
	{T_ClosePortalStmt, NULL, DBM_FINDING_CURSOR},
	{T_DiscardStmt, NULL, DBM_FINDING_SESSION},
	{T_ListenStmt, NULL, DBM_FINDING_SESSION},
	{T_UnlistenStmt, NULL, DBM_FINDING_SESSION},
	{T_LoadStmt, NULL, DBM_FINDING_SESSION},
	{T_CopyStmt, copies_to_client, DBM_FINDING_COPY_OUT, "COPY ... TO STDOUT"},
};

static const RefusedSetting refused_settings[] = {
	{"role", DBM_FINDING_ROLE, NULL},
	{"session_authorization", DBM_FINDING_ROLE, NULL},
	{"session_replication_role", DBM_FINDING_SETTING, NULL},
	{"event_triggers", DBM_FINDING_SETTING, NULL},
	{"transaction_isolation", DBM_FINDING_TRANSACTION, NULL},
	{"transaction_read_only", DBM_FINDING_TRANSACTION, NULL},
	{"transaction_deferrable", DBM_FINDING_TRANSACTION, NULL},
	{"standard_conforming_strings", DBM_FINDING_SETTING, "on"},
	{"dbmaestro.", DBM_FINDING_SETTING, NULL},
};

static bool
setting_matches(const RefusedSetting *row, const char *name)
{
	size_t length = strlen(row->name);

	if (row->name[length - 1] == '.')
		return pg_strncasecmp(row->name, name, length) == 0;
	return pg_strcasecmp(row->name, name) == 0;
}

/* Is value another spelling of the boolean that the table accepts? */
static bool
value_is_accepted(const RefusedSetting *row, const char *value)
{
	bool accepted;
	bool given;

	return row->accepted && value && parse_bool(row->accepted, &accepted) &&
		   parse_bool(value, &given) && accepted == given;
}

/* The row of a setting that must not get this value (NULL: its default). */
static const RefusedSetting *
find_refused_setting(const char *name, const char *value)
{
	for (int row = 0; row < lengthof(refused_settings); row++)
	{
		if (setting_matches(&refused_settings[row], name) &&
			!value_is_accepted(&refused_settings[row], value))
			return &refused_settings[row];
	}
	return NULL;
}

/* The text of a constant, or NULL. */
static const char *
constant_text(Node *node)
{
	A_Const *constant = (A_Const *) node;

	if (node && IsA(node, TypeCast))
		return constant_text(((TypeCast *) node)->arg);
	if (node == NULL || !IsA(node, A_Const) || constant->isnull)
		return NULL;
	if (IsA(&constant->val, String))
		return strVal(&constant->val);
	if (IsA(&constant->val, Boolean))
		return boolVal(&constant->val) ? "on" : "off";
	if (IsA(&constant->val, Integer))
		return psprintf("%d", intVal(&constant->val));
	return NULL;
}

static bool
judge_setting(const VariableSetStmt *statement, DbmFinding *finding)
{
	bool reset = statement->kind == VAR_RESET || statement->kind == VAR_RESET_ALL;
	const RefusedSetting *row;
	const char *value = NULL;

	if (statement->kind == VAR_RESET_ALL)
	{
		finding->kind = DBM_FINDING_SESSION;
		finding->subject = "RESET ALL";
		return true;
	}

	/* SET TRANSACTION; SESSION CHARACTERISTICS is about later transactions. */
	if (statement->kind == VAR_SET_MULTI)
	{
		finding->kind = DBM_FINDING_TRANSACTION;
		finding->subject = "SET TRANSACTION";
		return strcmp(statement->name, "SESSION CHARACTERISTICS") != 0;
	}

	if (statement->kind == VAR_SET_VALUE && list_length(statement->args) == 1)
		value = constant_text(linitial(statement->args));
	row = find_refused_setting(statement->name, value);
	if (row == NULL)
		return false;
	finding->kind = row->kind;
	finding->subject = psprintf("%s %s", reset ? "RESET" : "SET", statement->name);
	return true;
}

static bool
judge_set_config(const char *name, const char *value, DbmFinding *finding)
{
	const RefusedSetting *row = find_refused_setting(name, value);

	if (row == NULL)
		return false;
	finding->kind = row->kind;
	finding->subject = psprintf("set_config of %s", name);
	return true;
}

/* raw_expression_tree_walker: set_config called with a constant name. */
static bool
find_set_config(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncCall))
	{
		FuncCall *call = (FuncCall *) node;
		const char *name = NULL;

		if (strcmp(strVal(llast(call->funcname)), "set_config") == 0 &&
			list_length(call->args) >= 2)
			name = constant_text(linitial(call->args));
		if (name && judge_set_config(name, constant_text(lsecond(call->args)), context))
			return true;
	}
	return raw_expression_tree_walker(node, find_set_config, context);
}

/* The statement that this one runs or prepares, or NULL. */
static const Node *
inner_statement(const Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_ExplainStmt:
			return ((const ExplainStmt *) statement)->query;
		case T_CreateTableAsStmt:
			return ((const CreateTableAsStmt *) statement)->query;
		default:
			return NULL;
	}
}

/* What raw_expression_tree_walker knows; utility statements make it fail. */
static bool
is_query(const Node *statement)
{
	return IsA(statement, SelectStmt) || IsA(statement, InsertStmt) || IsA(statement, UpdateStmt) ||
		   IsA(statement, DeleteStmt) || IsA(statement, MergeStmt);
}

bool
dbm_finding_of_statement(const Node *statement, bool calls_set_config, DbmFinding *finding)
{
	for (int row = 0; row < lengthof(refused_statements); row++)
	{
		const RefusedStatement *refused = &refused_statements[row];

		if (refused->tag != nodeTag(statement) ||
			(refused->applies && !refused->applies(statement)))
			continue;
		finding->kind = refused->kind;
		finding->subject = refused->subject;
		if (finding->subject == NULL)
			finding->subject = CreateCommandName(unconstify(Node *, statement));
		return true;
	}

	if (IsA(statement, VariableSetStmt))
		return judge_setting((const VariableSetStmt *) statement, finding);

	if (calls_set_config && is_query(statement))
		return find_set_config(unconstify(Node *, statement), finding);

	statement = inner_statement(statement);
	return statement && dbm_finding_of_statement(statement, calls_set_config, finding);
}
