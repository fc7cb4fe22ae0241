/*
 * script/note.c: taking notes of what the steps of a script are cut by
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "utils/guc.h"

#include "script/code.h"
#include "script/note.h"

/* The notes of one statement, as they are taken. */
typedef struct Notes
{
	const DbmStatement *statement;
	List *list;
} Notes;

static DbmNote *
add_note(Notes *notes, DbmNoteKind kind)
{
	DbmNote *note = palloc0(sizeof(DbmNote));

	note->kind = kind;
	note->ordinal = notes->statement->ordinal;
	note->line = notes->statement->line;
	notes->list = lappend(notes->list, note);
	return note;
}

static const char *
keep(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

/* ---- settings ---- */

/* The text of a constant string, or NULL. */
static const char *
string_constant(Node *node)
{
	if (node && IsA(node, TypeCast))
		return string_constant(((TypeCast *) node)->arg);
	if (node == NULL || !IsA(node, A_Const) || ((A_Const *) node)->isnull ||
		!IsA(&((A_Const *) node)->val, String))
		return NULL;
	return strVal(&((A_Const *) node)->val);
}

static bool
is_boolean(Node *node)
{
	A_Const *constant = (A_Const *) node;

	return IsA(node, A_Const) && !constant->isnull && IsA(&constant->val, Boolean);
}

static bool
is_true(Node *node)
{
	A_Const *constant = (A_Const *) node;

	return IsA(node, A_Const) && !constant->isnull && IsA(&constant->val, Boolean) &&
		   boolVal(&constant->val);
}

static void
note_set(Notes *notes, VariableSetStmt *set)
{
	if (!set->is_local)
		(void) add_note(notes, DBM_NOTE_SETS);
	if (set->name && pg_strcasecmp(set->name, "search_path") == 0)
	{
		DbmNote *note = add_note(notes, DBM_NOTE_SEARCH_PATH);

		note->local = set->is_local;
		if (set->kind == VAR_SET_VALUE)
			note->name = ExtractSetVariableArgs(set);
	}
}

/* set_config with constants, as a target; NULL: it is something else */
static const FuncCall *
set_config_call(const ResTarget *target)
{
	const FuncCall *call = (const FuncCall *) target->val;

	if (!IsA(call, FuncCall) || strcmp(strVal(llast(call->funcname)), "set_config") != 0 ||
		list_length(call->args) != 3)
		return NULL;
	if (list_length(call->funcname) > 1 &&
		strcmp(strVal(linitial(call->funcname)), "pg_catalog") != 0)
		return NULL;
	if (string_constant(linitial(call->args)) == NULL ||
		string_constant(lsecond(call->args)) == NULL || !is_boolean(lthird(call->args)) ||
		call->agg_order || call->agg_filter || call->over)
		return NULL;
	return call;
}

/*
 * SELECT set_config(...), and nothing else: what pg_dump writes.  With anything
 * else beside it the statement could not be repeated.
 */
static void
note_set_config(Notes *notes, const SelectStmt *select)
{
	bool session = false;
	ListCell *cell;

	if (select->op != SETOP_NONE || select->fromClause || select->whereClause ||
		select->withClause || select->intoClause || select->valuesLists || select->distinctClause ||
		select->groupClause || select->havingClause || select->windowClause || select->sortClause ||
		select->limitOffset || select->limitCount || select->lockingClause)
		return;
	foreach (cell, select->targetList)
	{
		if (set_config_call(lfirst(cell)) == NULL)
			return;
	}
	foreach (cell, select->targetList)
	{
		const FuncCall *call = set_config_call(lfirst(cell));
		bool local = is_true(lthird(call->args));

		session = session || !local;
		if (pg_strcasecmp(string_constant(linitial(call->args)), "search_path") == 0)
		{
			DbmNote *note = add_note(notes, DBM_NOTE_SEARCH_PATH);

			note->local = local;
			note->name = keep(string_constant(lsecond(call->args)));
		}
	}
	if (session)
		(void) add_note(notes, DBM_NOTE_SETS);
}

/* ---- what is made ---- */

static void
note_relation(Notes *notes, const RangeVar *relation, bool partitioned)
{
	DbmNote *note = add_note(notes, DBM_NOTE_RELATION);

	note->objects = list_make1(copyObject(unconstify(RangeVar *, relation)));
	note->partitioned = partitioned;
	note->temporary = relation->relpersistence == RELPERSISTENCE_TEMP ||
					  (relation->schemaname && strcmp(relation->schemaname, "pg_temp") == 0);
}

static void
note_index(Notes *notes, const IndexStmt *index)
{
	DbmNote *note;

	if (index->idxname == NULL)
		return;
	note = add_note(notes, DBM_NOTE_INDEX);
	note->objects = list_make1(copyObject(index->relation));
	note->name = pstrdup(index->idxname);
}

static void
note_type(Notes *notes, DbmNoteKind kind, RangeVar *type, const char *value)
{
	DbmNote *note = add_note(notes, kind);

	note->objects = type ? list_make1(type) : NIL;
	note->name = keep(value);
}

/* The last option of that name, or NULL. */
static DefElem *
find_option(const List *options, const char *name)
{
	DefElem *found = NULL;
	ListCell *cell;

	foreach (cell, options)
	{
		if (strcmp(lfirst_node(DefElem, cell)->defname, name) == 0)
			found = lfirst(cell);
	}
	return found;
}

/* A new subscription has a slot unless it says slot_name = NONE. */
static void
note_slot(Notes *notes, const char *subscription, const List *options, bool is_new)
{
	DefElem *option = find_option(options, "slot_name");
	DbmNote *note;

	if (option == NULL && !is_new)
		return;
	note = add_note(notes, DBM_NOTE_SLOT);
	note->name = pstrdup(subscription);
	note->slot = option == NULL || strcmp(defGetString(option), "none") != 0;
}

/* ---- code ---- */

static void
note_values(Notes *notes, const List *values)
{
	ListCell *cell;

	foreach (cell, values)
	{
		const DbmNewValue *added = lfirst(cell);

		note_type(notes, DBM_NOTE_NEW_VALUE, added->type, added->value);
	}
}

static void
note_do(Notes *notes, const DoStmt *statement)
{
	DefElem *language = find_option(statement->args, "language");
	DefElem *source = find_option(statement->args, "as");
	DbmCode code;
	DbmNote *note;

	if (source == NULL)
		return;
	dbm_code_read(language ? strVal(language->arg) : "plpgsql", strVal(source->arg), &code);
	note_values(notes, code.values);
	if (!code.ends && code.calls == NIL)
		return;
	note = add_note(notes, DBM_NOTE_RUNS);
	note->subject = "DO";
	note->ends = code.ends;
	note->calls = code.calls;
}

static void
note_procedure(Notes *notes, const CreateFunctionStmt *create)
{
	DefElem *language = find_option(create->options, "language");
	DefElem *source = find_option(create->options, "as");
	DefElem *security = find_option(create->options, "security");
	DbmNote *note;
	DbmCode code = {0};

	if (!create->is_procedure)
		return;
	/* the server lets neither of these end a transaction */
	if (language && source && IsA(source->arg, List) && !(security && boolVal(security->arg)) &&
		find_option(create->options, "set") == NULL)
		dbm_code_read(strVal(language->arg), strVal(linitial((List *) source->arg)), &code);
	note = add_note(notes, DBM_NOTE_PROCEDURE);
	note->objects = list_make1(dbm_code_name(create->funcname));
	note->ends = code.ends;
	note->calls = code.calls;
}

static void
note_call(Notes *notes, const CallStmt *call)
{
	DbmNote *note = add_note(notes, DBM_NOTE_RUNS);
	RangeVar *name = dbm_code_name(call->funccall->funcname);

	note->subject = psprintf("CALL %s", name->relname);
	note->calls = list_make1(name);
}

/* ---- all of it ---- */

static void
note_tree(Notes *notes, Node *node)
{
	ListCell *cell;

	switch (nodeTag(node))
	{
		case T_VariableSetStmt:
			note_set(notes, (VariableSetStmt *) node);
			break;
		case T_CreateStmt:
			note_relation(notes, ((CreateStmt *) node)->relation,
						  ((CreateStmt *) node)->partspec != NULL);
			break;
		case T_CreateTableAsStmt:
			note_relation(notes, ((CreateTableAsStmt *) node)->into->rel, false);
			break;
		case T_SelectStmt:
			if (((SelectStmt *) node)->intoClause)
				note_relation(notes, ((SelectStmt *) node)->intoClause->rel, false);
			break;
		case T_CreateSchemaStmt:
			foreach (cell, ((CreateSchemaStmt *) node)->schemaElts)
				note_tree(notes, lfirst(cell));
			break;
		case T_IndexStmt:
			note_index(notes, (IndexStmt *) node);
			break;
		case T_CreateEnumStmt:
			note_type(notes, DBM_NOTE_ENUM, dbm_code_name(((CreateEnumStmt *) node)->typeName),
					  NULL);
			break;
		case T_AlterEnumStmt:
			if (((AlterEnumStmt *) node)->oldVal == NULL)
				note_type(notes, DBM_NOTE_NEW_VALUE,
						  dbm_code_name(((AlterEnumStmt *) node)->typeName),
						  ((AlterEnumStmt *) node)->newVal);
			break;
		case T_CreateSubscriptionStmt:
			note_slot(notes, ((CreateSubscriptionStmt *) node)->subname,
					  ((CreateSubscriptionStmt *) node)->options, true);
			break;
		case T_AlterSubscriptionStmt:
			note_slot(notes, ((AlterSubscriptionStmt *) node)->subname,
					  ((AlterSubscriptionStmt *) node)->options, false);
			break;
		case T_DoStmt:
			note_do(notes, (DoStmt *) node);
			break;
		case T_CreateFunctionStmt:
			note_procedure(notes, (CreateFunctionStmt *) node);
			break;
		case T_CallStmt:
			note_call(notes, (CallStmt *) node);
			break;
		default:
			break;
	}
}

static void
note_single(Notes *notes, const Node *node)
{
	DbmNote found = {0};
	DbmNote *note;

	if (!dbm_not_transactional(node, &found))
		return;
	note = add_note(notes, found.kind);
	note->subject = found.subject;
	note->objects = copyObject(found.objects);
	note->name = keep(found.name);
}

static bool
is_query(const Node *node)
{
	return IsA(node, SelectStmt) || IsA(node, InsertStmt) || IsA(node, UpdateStmt) ||
		   IsA(node, DeleteStmt) || IsA(node, MergeStmt) || IsA(node, CreateTableAsStmt);
}

unsigned
dbm_note_call(const char *name)
{
	static const struct
	{
		const char *name;
		unsigned bit;
	} functions[] = {
		{"set_config", DBM_CALLS_SET_CONFIG},
		{"pg_advisory_lock", DBM_CALLS_LOCK},
		{"pg_advisory_lock_shared", DBM_CALLS_LOCK},
		{"pg_try_advisory_lock", DBM_CALLS_LOCK},
		{"pg_try_advisory_lock_shared", DBM_CALLS_LOCK},
		{"pg_advisory_unlock", DBM_CALLS_UNLOCK},
		{"pg_advisory_unlock_shared", DBM_CALLS_UNLOCK},
		{"pg_advisory_unlock_all", DBM_CALLS_UNLOCK},
	};

	if (strncmp(name, "pg_", 3) != 0 && name[0] != 's')
		return 0;
	for (int at = 0; at < lengthof(functions); at++)
	{
		if (strcmp(functions[at].name, name) == 0)
			return functions[at].bit;
	}
	return 0;
}

List *
dbm_notes_of_statement(const RawStmt *raw, const DbmStatement *statement, unsigned calls)
{
	Notes notes = {.statement = statement};

	note_single(&notes, raw->stmt);
	note_tree(&notes, raw->stmt);
	if ((calls & DBM_CALLS_SET_CONFIG) && IsA(raw->stmt, SelectStmt))
		note_set_config(&notes, (SelectStmt *) raw->stmt);
	if ((calls & DBM_CALLS_LOCK) && is_query(raw->stmt))
		(void) add_note(&notes, DBM_NOTE_LOCK);
	if ((calls & DBM_CALLS_UNLOCK) && is_query(raw->stmt))
		(void) add_note(&notes, DBM_NOTE_UNLOCK);
	return notes.list;
}

/* Can both mean the same?  Where one of them leaves out the schema, they can. */
static bool
same_object(const RangeVar *a, const RangeVar *b)
{
	return strcmp(a->relname, b->relname) == 0 && (a->schemaname == NULL || b->schemaname == NULL ||
												   strcmp(a->schemaname, b->schemaname) == 0);
}

const DbmNote *
dbm_note_find(const DbmScript *script, DbmNoteKind kind, int before, const RangeVar *object)
{
	const DbmNote *found = NULL;
	ListCell *cell;

	foreach (cell, script->notes)
	{
		const DbmNote *note = lfirst(cell);

		if (note->ordinal >= before)
			break;
		if (note->kind == kind && note->objects && same_object(linitial(note->objects), object))
			found = note;
	}
	return found;
}
