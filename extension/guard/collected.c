/*
 * guard/collected.c: what the server's event trigger functions report, as structs
 *
 * Read from their result sets directly: a query would resolve names in the
 * search path of whoever runs the command.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"

#include "core/result.h"
#include "guard/collected.h"
#include "guard/target.h"

/* Columns of pg_event_trigger_ddl_commands(). */
enum
{
	COMMAND_CLASSID = 1,
	COMMAND_OBJID,
	COMMAND_OBJSUBID,
	COMMAND_TAG,
	COMMAND_OBJECT_TYPE,
	COMMAND_SCHEMA,
	COMMAND_IDENTITY,
	COMMAND_IN_EXTENSION
};

/* Columns of pg_event_trigger_dropped_objects(). */
enum
{
	DROPPED_CLASSID = 1,
	DROPPED_OBJID,
	DROPPED_OBJSUBID,
	DROPPED_ORIGINAL,
	DROPPED_NORMAL,
	DROPPED_IS_TEMPORARY,
	DROPPED_OBJECT_TYPE,
	DROPPED_SCHEMA,
	DROPPED_NAME,
	DROPPED_IDENTITY,
	DROPPED_ADDRESS_NAMES
};

extern Datum pg_event_trigger_ddl_commands(PG_FUNCTION_ARGS);
extern Datum pg_event_trigger_dropped_objects(PG_FUNCTION_ARGS);

/* What was noted, and the subtransaction that it stands or falls with. */
typedef struct Noted
{
	DbmTouched	touched;
	SubTransactionId subtransaction;
} Noted;

static List *collected = NIL;	/* of Noted * */
static MemoryContext collecting_in = NULL;

/* Whatever ends the memory that we collect into ends the collecting. */
static void
forget(void *context)
{
	if (collecting_in == context)
	{
		collecting_in = NULL;
		collected = NIL;
	}
}

/* What an exception block has undone was not made; what it has not belongs to its parent. */
static void
at_subtransaction_event(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
						void *argument)
{
	ListCell   *cell;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	foreach(cell, collected)
	{
		Noted	   *noted = lfirst(cell);

		if (noted->subtransaction != mine)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			noted->subtransaction = parent;
		else
			collected = foreach_delete_current(collected, cell);
	}
}

void
dbm_collect_begin(void)
{
	static bool registered = false;
	MemoryContextCallback *callback;

	if (!registered)
		RegisterSubXactCallback(at_subtransaction_event, NULL);
	registered = true;
	dbm_collect_end();
	collecting_in = AllocSetContextCreate(CurrentMemoryContext, "dbmaestro collected objects",
										  ALLOCSET_DEFAULT_SIZES);
	callback = MemoryContextAlloc(collecting_in, sizeof(MemoryContextCallback));
	callback->func = forget;
	callback->arg = collecting_in;
	MemoryContextRegisterResetCallback(collecting_in, callback);
}

List *
dbm_collect_take(void)
{
	/* a Noted begins with what the caller wants to see */
	List	   *taken = collected;

	collected = NIL;
	return taken;
}

void
dbm_collect_end(void)
{
	/* the caller keeps what it took: the memory goes with its parent */
	collecting_in = NULL;
	collected = NIL;
}

static const char *
copy_text(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

void
dbm_collect_note(List *touched)
{
	MemoryContext caller;
	ListCell   *cell;

	if (collecting_in == NULL)
		return;
	caller = MemoryContextSwitchTo(collecting_in);
	foreach(cell, touched)
	{
		Noted	   *noted;

		if (((DbmTouched *) lfirst(cell))->implied)
			continue;
		noted = palloc(sizeof(Noted));
		noted->touched = *(DbmTouched *) lfirst(cell);
		noted->touched.kind = copy_text(noted->touched.kind);
		noted->touched.identity = copy_text(noted->touched.identity);
		noted->touched.tag = copy_text(noted->touched.tag);
		noted->subtransaction = GetCurrentSubTransactionId();
		collected = lappend(collected, noted);
	}
	MemoryContextSwitchTo(caller);
}

static const char *
get_text(TupleTableSlot *slot, int column)
{
	bool		is_null;
	Datum		value = slot_getattr(slot, column, &is_null);

	return is_null ? NULL : TextDatumGetCString(value);
}

static Oid
get_oid(TupleTableSlot *slot, int column)
{
	bool		is_null;
	Datum		value = slot_getattr(slot, column, &is_null);

	return is_null ? InvalidOid : DatumGetObjectId(value);
}

static bool
get_bool(TupleTableSlot *slot, int column)
{
	bool		is_null;
	Datum		value = slot_getattr(slot, column, &is_null);

	return !is_null && DatumGetBool(value);
}

/* First part of an object's name: the schema, also of what is part of a relation. */
static const char *
get_first_name(TupleTableSlot *slot, int column)
{
	bool		is_null;
	Datum		value = slot_getattr(slot, column, &is_null);
	Datum	   *names;
	int			count;

	if (is_null)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &names, NULL,
					  &count);
	return count > 1 ? TextDatumGetCString(names[0]) : NULL;
}

static DbmTouched *
make_touched(TupleTableSlot *slot, int object_type, int identity)
{
	DbmTouched *touched = palloc0(sizeof(DbmTouched));

	touched->kind = get_text(slot, object_type);
	touched->identity = get_text(slot, identity);
	touched->classid = get_oid(slot, COMMAND_CLASSID);
	touched->objid = get_oid(slot, COMMAND_OBJID);
	touched->objsubid = (int32) get_oid(slot, COMMAND_OBJSUBID);
	return touched;
}

static bool
is_creating_tag(const char *tag)
{
	return strncmp(tag, "CREATE", strlen("CREATE")) == 0 || strcmp(tag, "SELECT INTO") == 0;
}

static DbmTouched *
read_command(TupleTableSlot *slot)
{
	DbmTouched *touched = make_touched(slot, COMMAND_OBJECT_TYPE, COMMAND_IDENTITY);
	ObjectAddress address = {touched->classid, touched->objid, touched->objsubid};

	touched->tag = get_text(slot, COMMAND_TAG);
	touched->action = is_creating_tag(touched->tag) ? "created" : "altered";
	/* members of an extension are the extension's affair */
	touched->implied = get_bool(slot, COMMAND_IN_EXTENSION);
	/* grants come without an object */
	if (OidIsValid(touched->objid))
		touched->temporary = dbm_is_temporary_schema_name(get_text(slot, COMMAND_SCHEMA)) ||
							 dbm_address_is_temporary(&address);
	return touched;
}

/*
 * Row types, defaults, constraints and toast tables go with their table and
 * are not worth a line each; indexes and sequences were lines when made.
 */
static DbmTouched *
read_dropped(TupleTableSlot *slot)
{
	DbmTouched *touched = make_touched(slot, DROPPED_OBJECT_TYPE, DROPPED_IDENTITY);

	touched->action = "dropped";
	touched->named = get_bool(slot, DROPPED_ORIGINAL);
	touched->implied = !touched->named && !get_bool(slot, DROPPED_NORMAL) &&
					   strcmp(touched->kind, "index") != 0 &&
					   strcmp(touched->kind, "sequence") != 0;
	touched->temporary = get_bool(slot, DROPPED_IS_TEMPORARY) ||
						 dbm_is_temporary_schema_name(get_text(slot, DROPPED_SCHEMA)) ||
						 dbm_is_temporary_schema_name(get_first_name(slot, DROPPED_ADDRESS_NAMES));
	return touched;
}

static List *
read_set(PGFunction function, Oid oid, DbmTouched *(*read_row) (TupleTableSlot *slot))
{
	TupleDesc	descriptor;
	Tuplestorestate *rows = dbm_call_set(function, oid, &descriptor);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);
	List	   *touched = NIL;

	while (tuplestore_gettupleslot(rows, true, false, slot))
		touched = lappend(touched, read_row(slot));
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(rows);
	return touched;
}

List *
dbm_touched_by_command(void)
{
	return read_set(pg_event_trigger_ddl_commands, F_PG_EVENT_TRIGGER_DDL_COMMANDS, read_command);
}

List *
dbm_dropped_by_command(const char *tag)
{
	List *dropped = read_set(pg_event_trigger_dropped_objects, F_PG_EVENT_TRIGGER_DROPPED_OBJECTS,
							 read_dropped);
	ListCell   *cell;

	foreach(cell, dropped)
		((DbmTouched *) lfirst(cell))->tag = tag;
	return dropped;
}
