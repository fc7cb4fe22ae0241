/*
 * guard/doors.c: the guard's doors into the server, which only dispatch
 *
 * Three event triggers (always) and the hook on utility statements (where the
 * library is loaded from the start).  Each asks the same decision.  The hook
 * keeps a frame per statement in which the event trigger leaves a mark: so each
 * door notices when the other is silent.
 */
#include "postgres.h"

#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "parser/scansup.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

#include "core/installed.h"
#include "guard/authorisation.h"
#include "guard/collected.h"
#include "guard/doctor.h"
#include "guard/doors.h"
#include "guard/refuse.h"

PG_FUNCTION_INFO_V1(dbm_ddl_start);
PG_FUNCTION_INFO_V1(dbm_ddl_end);
PG_FUNCTION_INFO_V1(dbm_ddl_drop);

/* A statement on its way through the hook. */
typedef struct Frame
{
	struct Frame *outer;
	const char *text;
	int			text_length;
	bool		trigger_fired;
} Frame;

static Frame *innermost = NULL;
static bool hook_installed = false;
static ProcessUtility_hook_type next_process_utility = NULL;

/* The part of the source text that is this statement, without white space around it. */
static void
set_text(DbmCommand *command, const char *source, int location, int length)
{
	const char *start = source;
	int			size;

	if (source == NULL)
		return;
	if (location > 0)
		start += location;
	size = length > 0 && location >= 0 ? length : (int) strlen(start);
	while (size > 0 && scanner_isspace(start[0]))
		start++, size--;
	while (size > 0 && scanner_isspace(start[size - 1]))
		size--;
	command->text = start;
	command->text_length = size;
}

/*
 * An event trigger is not told the text.  The hook's frame has it; without the
 * hook, it is the client's statement that runs now, which may be a call of
 * the function that the command stands in.
 */
static void
find_text(DbmCommand *command)
{
	if (innermost)
	{
		command->text = innermost->text;
		command->text_length = innermost->text_length;
	}
	else if (ActivePortal && ActivePortal->sourceText && list_length(ActivePortal->stmts) == 1)
	{
		PlannedStmt *statement = linitial_node(PlannedStmt, ActivePortal->stmts);

		set_text(command, ActivePortal->sourceText, statement->stmt_location, statement->stmt_len);
	}
	else
		set_text(command, debug_query_string, -1, 0);
}

/* Other events bring no parse tree, or another one. */
static EventTriggerData *
get_event(FunctionCallInfo fcinfo, const char *event)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo) ||
		strcmp(((EventTriggerData *) fcinfo->context)->event, event) != 0)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("this function must be called by an event trigger on %s", event)));
	return (EventTriggerData *) fcinfo->context;
}

static DbmCommand
describe(const EventTriggerData *event, bool finished)
{
	DbmCommand	command;

	if (finished)
		dbm_classify_finished(event->parsetree, &command);
	else
		dbm_classify(event->parsetree, &command);
	find_text(&command);
	return command;
}

static void
refuse_if_told(const DbmCommand *command, const DbmDecision *decision)
{
	if (decision->reason > DBM_LAST_ALLOWED)
		dbm_refuse(command, decision);
}

/* Before a command: the last moment at which it can be refused without a trace. */
Datum
dbm_ddl_start(PG_FUNCTION_ARGS)
{
	EventTriggerData *event = get_event(fcinfo, "ddl_command_start");

	if (innermost)
		innermost->trigger_fired = true;
	if (dbm_guard_is_awake())
	{
		DbmCommand	command = describe(event, false);
		DbmDecision decision = dbm_decide(&command);

		refuse_if_told(&command, &decision);
		if (decision.reason != DBM_ALLOWED)
			dbm_warn_of_copy();
	}
	PG_RETURN_NULL();
}

static bool
all_temporary(List *touched)
{
	ListCell   *cell;

	foreach(cell, touched)
	{
		const DbmTouched *one = lfirst(cell);

		/* a grant names no object here; at the start it named temporary ones */
		if (!one->temporary && one->identity != NULL)
			return false;
	}
	return true;
}

/* What was allowed to start as a command on temporary objects must end as one. */
static void
confirm_temporary(const DbmCommand *command, List *touched)
{
	DbmDecision decision = {DBM_REFUSED_NOT_TEMPORARY};

	if (!all_temporary(touched))
		dbm_refuse(command, &decision);
}

/* Of all that a command has made, what bears its own tag: the table, not its sequences. */
static const DbmTouched *
find_main(const DbmCommand *command, List *touched)
{
	const DbmTouched *main_object = NULL;
	ListCell   *cell;

	foreach(cell, touched)
	{
		const DbmTouched *one = lfirst(cell);

		if (one->identity && strcmp(one->tag, command->action) == 0)
			main_object = one;
	}
	return main_object;
}

static void
finish_outside_run(const DbmCommand *command, List *touched)
{
	const DbmTouched *main_object;

	if (command->class != DBM_COMMAND_SCHEMA || creating_extension)
		return;
	switch (dbm_environment()->guard_in_force)
	{
		case DBM_GUARD_OFF:
			return;
		case DBM_GUARD_ENFORCE:
			/* outside a run nothing else of an extension passes than our own update */
			if (!IsA(command->tree, AlterExtensionStmt))
			{
				confirm_temporary(command, touched);
				return;
			}
			break;
		case DBM_GUARD_OBSERVE:
			break;
	}
	/* nothing touched: IF NOT EXISTS, or a drop, which dbm_ddl_drop has seen */
	main_object = find_main(command, touched);
	if (touched == NIL || dbm_command_is_temporary(command) ||
		(main_object && main_object->temporary))
		return;
	if (main_object)
		dbm_observe(command, main_object->kind, main_object->identity);
	else
		dbm_observe(command, NULL, NULL);
}

/* Grants and default privileges are reported without their objects; the parse tree has them. */
static List *
name_unnamed(const DbmCommand *command, List *touched)
{
	List	   *named = NIL;
	ListCell   *cell;
	ListCell   *subject;

	foreach(cell, touched)
	{
		DbmTouched *one = lfirst(cell);

		if (one->identity || command->targets == NIL)
		{
			named = lappend(named, one);
			continue;
		}
		foreach(subject, command->targets)
		{
			const DbmTarget *target = lfirst(subject);
			DbmTouched *copy = palloc(sizeof(DbmTouched));

			*copy = *one;
			copy->kind = dbm_object_type_name(target->type);
			copy->identity = dbm_target_identity(target);
			copy->classid = target->address.classId;
			copy->objid = target->address.objectId;
			copy->temporary = target->temporary;
			named = lappend(named, copy);
		}
	}
	return named;
}

/* After a command. */
Datum
dbm_ddl_end(PG_FUNCTION_ARGS)
{
	EventTriggerData *event = get_event(fcinfo, "ddl_command_end");

	if (dbm_guard_is_awake())
	{
		DbmCommand	command = describe(event, true);
		List	   *touched = dbm_touched_by_command();

		/* in this order: a write must come after all that the command does */
		if (dbm_guard_inside_run())
			dbm_collect_note(name_unnamed(&command, touched));
		else
			finish_outside_run(&command, touched);
		if (hook_installed && innermost == NULL)
			dbm_report_bypass(&command, "the hook on utility statements");
	}
	PG_RETURN_NULL();
}

static bool
is_drop(const Node *tree)
{
	return IsA(tree, DropStmt) || IsA(tree, DropOwnedStmt) || IsA(tree, DropSubscriptionStmt) ||
		   IsA(tree, DropUserMappingStmt);
}

/* Identities of what the command named: it is gone and can't be looked up any more. */
static const char *
join_named(List *dropped)
{
	StringInfoData names;
	ListCell   *cell;

	initStringInfo(&names);
	foreach(cell, dropped)
	{
		const DbmTouched *one = lfirst(cell);

		if (one->named && !one->temporary)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", one->identity);
	}
	return names.len > 0 ? names.data : NULL;
}

static void
finish_drop_outside_run(const DbmCommand *command, List *dropped)
{
	if (command->class != DBM_COMMAND_SCHEMA || creating_extension)
		return;
	switch (dbm_environment()->guard_in_force)
	{
		case DBM_GUARD_OFF:
			break;
		case DBM_GUARD_OBSERVE:
			/* of other commands (ALTER TABLE ... DROP COLUMN) the end is the record */
			if (is_drop(command->tree) && dropped != NIL && !all_temporary(dropped))
				dbm_observe(command, dbm_command_object_kind(command), join_named(dropped));
			break;
		case DBM_GUARD_ENFORCE:
			if (!IsA(command->tree, AlterExtensionStmt))
				confirm_temporary(command, dropped);
			break;
	}
}

/* After a command has dropped something, before dbm_ddl_end. */
Datum
dbm_ddl_drop(PG_FUNCTION_ARGS)
{
	EventTriggerData *event = get_event(fcinfo, "sql_drop");

	if (dbm_guard_is_awake())
	{
		DbmCommand	command = describe(event, true);
		List	   *dropped = dbm_dropped_by_command(GetCommandTagName(event->tag));

		if (dbm_guard_inside_run())
			dbm_collect_note(dropped);
		else
			finish_drop_outside_run(&command, dropped);
	}
	PG_RETURN_NULL();
}

static void
call_next(PlannedStmt *statement, const char *source, bool read_only_tree,
		  ProcessUtilityContext context, ParamListInfo parameters, QueryEnvironment *environment,
		  DestReceiver *receiver, QueryCompletion *completion)
{
	if (next_process_utility)
		next_process_utility(statement, source, read_only_tree, context, parameters, environment,
							 receiver, completion);
	else
		standard_ProcessUtility(statement, source, read_only_tree, context, parameters, environment,
								receiver, completion);
}

/* Running what was prepared concerns us inside a run only; there it is hot otherwise. */
static bool
is_of_no_interest(const Node *tree)
{
	return dbm_is_harmless(tree) ||
		   ((IsA(tree, ExecuteStmt) || IsA(tree, FetchStmt)) && !dbm_guard_inside_run());
}

/* Inside a run, what no event trigger announces is taken from the parse tree. */
static void
note_unannounced(const DbmCommand *command)
{
	List	   *touched = NIL;
	ListCell   *cell;

	if (command->class != DBM_COMMAND_SCHEMA && command->class != DBM_COMMAND_EVENT_TRIGGER)
		return;
	foreach (cell, command->targets)
	{
		const DbmTarget *target = lfirst(cell);
		DbmTouched *one = palloc0(sizeof(DbmTouched));

		one->kind = dbm_object_type_name(target->type);
		one->identity = dbm_target_identity(target);
		one->action = target->role == DBM_TARGET_CREATED ? "created"
					  : is_drop(command->tree)					 ? "dropped"
														 : "altered";
		one->tag = command->action;
		one->classid = target->address.classId;
		one->objid = target->address.objectId;
		one->temporary = target->temporary;
		touched = lappend(touched, one);
	}
	dbm_collect_note(touched);
}

/* What the event triggers could not have recorded, or should have seen and did not. */
static void
finish_in_hook(const DbmCommand *command, const DbmDecision *decision, const Frame *frame)
{
	if (!dbm_guard_is_awake())
		return;
	if (command->fires_events && frame->trigger_fired)
		return;
	if (command->fires_events)
		dbm_report_bypass(command, "the event trigger on ddl_command_start");
	else if (decision->reason == DBM_ALLOWED_RECORDED)
		dbm_observe(command, NULL, NULL);
	if (dbm_guard_inside_run())
		note_unannounced(command);
}

/*
 * The hook decides on its own and does not rely on the event triggers: they
 * can be disabled one by one.  Parts of a larger command (SUBCOMMAND) have
 * been decided with it.
 */
static void
guard_process_utility(PlannedStmt *statement, const char *source, bool read_only_tree,
					  ProcessUtilityContext context, ParamListInfo parameters,
					  QueryEnvironment *environment, DestReceiver *receiver,
					  QueryCompletion *completion)
{
	const Node *tree = statement->utilityStmt;
	Frame		frame = {.outer = innermost};
	DbmCommand	command;
	DbmDecision decision;

	if (context == PROCESS_UTILITY_SUBCOMMAND || is_of_no_interest(tree) || !dbm_guard_is_awake())
	{
		call_next(statement, source, read_only_tree, context, parameters, environment, receiver,
				  completion);
		return;
	}

	dbm_classify(tree, &command);
	set_text(&command, source, statement->stmt_location, statement->stmt_len);
	decision = dbm_decide(&command);
	refuse_if_told(&command, &decision);

	frame.text = command.text;
	frame.text_length = command.text_length;
	innermost = &frame;
	PG_TRY();
	{
		call_next(statement, source, read_only_tree, context, parameters, environment, receiver,
				  completion);
	}
	PG_FINALLY();
	{
		innermost = frame.outer;
	}
	PG_END_TRY();

	finish_in_hook(&command, &decision, &frame);
}

void
dbm_guard_init(void)
{
	dbm_guard_authorisation_init();

	/* later than the start of the session, processing is normal */
	if (process_shared_preload_libraries_in_progress || !IsNormalProcessingMode())
	{
		next_process_utility = ProcessUtility_hook;
		ProcessUtility_hook = guard_process_utility;
		hook_installed = true;
	}
	dbm_guard_doctor_init(hook_installed);
}
