/*
 * core/own_statement.c: is this call the client's own statement?
 *
 * No single view of the statement can tell.  The text says what the client
 * wrote, but a name in it may mean somebody else's function; the plan says
 * what runs, but an inlined SQL function or a view plans to exactly the direct
 * call.  So all of these must hold:
 *
 * - nothing stands between the client and us: the portal is the unnamed one,
 *   which only the protocol can make (SQL and SPI refuse the empty name), and
 *   the error context stack is empty, on which every language handler and SPI
 *   itself announce what they call;
 * - the plan is nothing but the call: the node that is being executed is the
 *   one in the portal's plan, no relation takes part, and the list of what the
 *   plan depends on names no function but ours.  The planner enters there what
 *   it inlined or computed in advance (record_plan_function_dependency), so
 *   code that could have changed search_path or the arguments before we came
 *   to look leaves a trace;
 * - the text is nothing but the call, and its name means our function only.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "commands/prepare.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "nodes/plannodes.h"
#include "parser/parser.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/syscache.h"

#include "core/errors.h"
#include "core/own_statement.h"

/* What speaks against the call: a sentence, or NULL. */
typedef const char *Objection;

/* ---- between the client and us ---- */

static Objection
object_to_caller(void)
{
	ErrorContextCallback *context;

	if (IsInParallelMode() || IsParallelWorker())
		return "It was called by a parallel query.";
	if (InLocalUserIdChange() || InSecurityRestrictedOperation())
		return "It was called by code that runs as another role.";
	for (context = error_context_stack; context; context = context->previous)
	{
		/* Execute of the extended protocol puts this one there, nobody else */
		if (context->callback != ParamsErrorCallback)
			return "It was called by a function, trigger, DO block or script.";
	}
	return NULL;
}

static bool
is_running_client_text(Portal portal)
{
	return PortalIsValid(portal) && portal->status == PORTAL_ACTIVE && portal->sourceText &&
		   debug_query_string && strcmp(portal->sourceText, debug_query_string) == 0;
}

/* The EXECUTE that the client's portal consists of, or NULL. */
static ExecuteStmt *
find_execute(Portal client)
{
	PlannedStmt *planned;

	if (list_length(client->stmts) != 1)
		return NULL;
	planned = linitial_node(PlannedStmt, client->stmts);
	if (planned->utilityStmt && IsA(planned->utilityStmt, ExecuteStmt))
		return (ExecuteStmt *) planned->utilityStmt;
	return NULL;
}

/* ---- the plan ---- */

/* The expression that a plan computes which does nothing else, or NULL. */
static Node *
find_only_expression(Plan *plan)
{
	if ((IsA(plan, Result) || IsA(plan, ProjectSet)) && list_length(plan->targetlist) == 1)
		return (Node *) linitial_node(TargetEntry, plan->targetlist)->expr;
	if (IsA(plan, FunctionScan) && list_length(((FunctionScan *) plan)->functions) == 1)
		return linitial_node(RangeTblFunction, ((FunctionScan *) plan)->functions)->funcexpr;
	return NULL;
}

/* Reading a value of somebody's type may already have run somebody's code. */
static bool
uses_foreign_type(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (exprType(node) >= FirstNormalObjectId)
		return true;
	return expression_tree_walker(node, uses_foreign_type, context);
}

static bool
depends_on_others(PlannedStmt *planned, Oid function)
{
	uint32 ours = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function));
	ListCell *cell;

	/* the hash maps oids one to one, so nobody can have the same one */
	foreach (cell, planned->invalItems)
	{
		PlanInvalItem *item = lfirst_node(PlanInvalItem, cell);

		if (item->cacheId != PROCOID || item->hashValue != ours)
			return true;
	}
	return false;
}

static bool
is_foreign_function(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}

static bool
uses_foreign_function(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_foreign_function, NULL))
		return true;
	return expression_tree_walker(node, uses_foreign_function, context);
}

/*
 * A CALL is not planned: its arguments are computed as they were analysed.  Of a
 * statement that the protocol has prepared, the server runs a copy.
 */
static Objection
object_to_call(Portal portal, FmgrInfo *call)
{
	PlannedStmt *planned = linitial_node(PlannedStmt, portal->stmts);
	ListCell *cell;

	if (list_length(portal->stmts) != 1 || planned->utilityStmt == NULL ||
		!IsA(planned->utilityStmt, CallStmt) || call->fn_expr == NULL ||
		!equal(((CallStmt *) planned->utilityStmt)->funcexpr, call->fn_expr))
		return "It was called by another statement than the CALL that the client sent.";
	foreach (cell, ((FuncExpr *) call->fn_expr)->args)
	{
		if (uses_foreign_type(lfirst(cell), NULL))
			return "An argument has a type that is not built in.";
		if (uses_foreign_function(lfirst(cell), NULL))
			return "The statement also runs other functions.";
	}
	return NULL;
}

static Objection
object_to_plan(Portal portal, FmgrInfo *call)
{
	PlannedStmt *planned;
	ListCell *cell;

	if (portal->strategy != PORTAL_ONE_SELECT || (portal->cursorOptions & CURSOR_OPT_HOLD) ||
		list_length(portal->stmts) != 1)
		return "It was called by a statement that is no plain SELECT.";
	planned = linitial_node(PlannedStmt, portal->stmts);
	if (planned->utilityStmt || call->fn_expr == NULL || !IsA(call->fn_expr, FuncExpr) ||
		find_only_expression(planned->planTree) != call->fn_expr)
		return "It was called from within another expression or statement.";
	if (planned->relationOids != NIL || planned->subplans != NIL ||
		depends_on_others(planned, call->fn_oid))
		return "The statement also runs other functions, or reads a view or table.";
	foreach (cell, ((FuncExpr *) call->fn_expr)->args)
	{
		if (uses_foreign_type(lfirst(cell), NULL))
			return "An argument has a type that is not built in.";
	}
	return NULL;
}

static bool
is_procedure(Oid function)
{
	return get_func_prokind(function) == PROKIND_PROCEDURE;
}

/* ---- the text ---- */

static bool
is_plain_argument(Node *node, bool only_parameters)
{
	ListCell *cell;

	switch (nodeTag(node))
	{
		case T_ParamRef:
			return true;
		case T_A_Const:
			return !only_parameters;
		case T_TypeCast:
			return is_plain_argument(((TypeCast *) node)->arg, only_parameters);
		case T_NamedArgExpr:
			return is_plain_argument((Node *) ((NamedArgExpr *) node)->arg, only_parameters);
		case T_A_ArrayExpr:
			foreach (cell, ((A_ArrayExpr *) node)->elements)
			{
				if (!is_plain_argument(lfirst(cell), only_parameters))
					return false;
			}
			return true;
		default:
			return false;
	}
}

static bool
are_plain_arguments(List *arguments, bool only_parameters)
{
	ListCell *cell;

	foreach (cell, arguments)
	{
		if (!is_plain_argument(lfirst(cell), only_parameters))
			return false;
	}
	return true;
}

static bool
is_plain_call(FuncCall *call)
{
	return call->agg_order == NIL && call->agg_filter == NULL && call->over == NULL &&
		   !call->agg_within_group && !call->agg_star && !call->agg_distinct &&
		   !call->func_variadic;
}

static bool
has_clauses(SelectStmt *select)
{
	return select->op != SETOP_NONE || select->withClause || select->distinctClause ||
		   select->intoClause || select->whereClause || select->groupClause ||
		   select->havingClause || select->windowClause || select->valuesLists ||
		   select->sortClause || select->limitOffset || select->limitCount || select->lockingClause;
}

/* The function called by SELECT columns FROM f(...), or NULL. */
static Node *
find_from_call(SelectStmt *select)
{
	RangeFunction *item = linitial(select->fromClause);
	ListCell *cell;

	if (list_length(select->fromClause) != 1 || !IsA(item, RangeFunction) || item->lateral ||
		item->ordinality || item->is_rowsfrom || item->coldeflist)
		return NULL;
	foreach (cell, select->targetList)
	{
		if (!IsA(lfirst_node(ResTarget, cell)->val, ColumnRef))
			return NULL;
	}
	return linitial(linitial_node(List, item->functions));
}

/* The call that this SELECT consists of, or NULL. */
static FuncCall *
find_call(Node *statement)
{
	SelectStmt *select = (SelectStmt *) statement;
	Node *call = NULL;

	if (IsA(statement, CallStmt))
		call = (Node *) ((CallStmt *) statement)->funccall;
	else if (!IsA(statement, SelectStmt) || has_clauses(select))
		return NULL;
	else if (select->fromClause != NIL)
		call = find_from_call(select);
	else if (list_length(select->targetList) == 1)
		call = linitial_node(ResTarget, select->targetList)->val;
	if (call == NULL || !IsA(call, FuncCall) || !is_plain_call((FuncCall *) call))
		return NULL;
	return (FuncCall *) call;
}

/* The statement in the list that holds this position of the text. */
static Node *
find_statement_at(List *statements, int location)
{
	ListCell *cell;

	foreach (cell, statements)
	{
		RawStmt *raw = lfirst_node(RawStmt, cell);

		if (location >= raw->stmt_location &&
			(raw->stmt_len == 0 || location < raw->stmt_location + raw->stmt_len))
			return raw->stmt;
	}
	return NULL;
}

static bool
means_only(List *name, Oid function)
{
	FuncCandidateList candidate = FuncnameGetCandidates(name, -1, NIL, false, false,
														is_procedure(function), true);

	return candidate && candidate->next == NULL && candidate->oid == function;
}

/*
 * Anybody's code could have prepared a statement under the name that the
 * client then executes, so what was prepared in SQL may add nothing of its own:
 * every argument must come with the EXECUTE.
 */
static Objection
object_to_text(Portal portal, Oid function, bool executed)
{
	List *statements = raw_parser(portal->sourceText, RAW_PARSE_DEFAULT);
	PlannedStmt *planned = linitial_node(PlannedStmt, portal->stmts);
	Node *statement = find_statement_at(statements, planned->stmt_location);
	bool prepared = statement && IsA(statement, PrepareStmt);
	FuncCall *call;

	if (prepared && !executed)
		return "The statement was prepared in SQL and executed through the protocol.";
	if (prepared)
		statement = ((PrepareStmt *) statement)->query;
	call = statement ? find_call(statement) : NULL;
	if (call == NULL)
		return "The client's statement is more than, or other than, a call of it.";
	if (!are_plain_arguments(call->args, false))
		return "An argument is neither a constant nor a parameter.";
	if (prepared && (call->args == NIL || !are_plain_arguments(call->args, true)))
		return "A statement prepared in SQL must take every argument as a parameter.";
	if (!means_only(call->funcname, function))
		return "The name in the client's statement means other functions too: write it with its "
			   "schema.";
	return NULL;
}

/* ---- all of it ---- */

static Objection
object_to_execute(ExecuteStmt *execute, Portal portal)
{
	PreparedStatement *prepared = FetchPreparedStatement(execute->name, false);

	if (prepared == NULL || strcmp(prepared->plansource->query_string, portal->sourceText) != 0)
		return "It was called by another statement than the one that the client executes.";
	if (!are_plain_arguments(execute->params, false))
		return "An argument is neither a constant nor a parameter.";
	return NULL;
}

static Objection
find_objection(FmgrInfo *call)
{
	Portal client = GetPortalByName("");
	ExecuteStmt *execute = NULL;
	Objection objection = object_to_caller();

	if (objection)
		return objection;
	if (ActivePortal == NULL || !is_running_client_text(client))
		return "It was not called by the statement that the client sent.";
	if (ActivePortal != client)
	{
		execute = find_execute(client);
		if (execute == NULL)
			return "It was called through a cursor or within another statement.";
		objection = object_to_execute(execute, ActivePortal);
	}
	if (objection == NULL)
		objection = is_procedure(call->fn_oid) ? object_to_call(ActivePortal, call)
											   : object_to_plan(ActivePortal, call);
	if (objection == NULL)
		objection = object_to_text(ActivePortal, call->fn_oid, execute != NULL);
	return objection;
}

static Objection
object_to(FunctionCallInfo fcinfo)
{
	/* the parse tree of a script of 50 MB must not stay while the script runs */
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "dbmaestro own statement",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	Objection objection = fcinfo->flinfo ? find_objection(fcinfo->flinfo)
										 : "It was called by C code.";

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	return objection;
}

bool
dbm_is_own_statement(FunctionCallInfo fcinfo)
{
	return object_to(fcinfo) == NULL;
}

void
dbm_require_own_statement(FunctionCallInfo fcinfo, const char *name)
{
	Objection objection = object_to(fcinfo);

	if (objection)
	{
		bool procedure = is_procedure(fcinfo->flinfo->fn_oid);

		ereport(ERROR,
				(errcode(ERRCODE_DBM_NOT_OWN_STATEMENT),
				 errmsg("%s %s must be called by the client itself",
						procedure ? "procedure" : "function", name),
				 errdetail_internal("%s", objection),
				 errhint("Run %s %s(...) as a statement of its own, with constants or parameters "
						 "as arguments.",
						 procedure ? "CALL" : "SELECT", name)));
	}
}
