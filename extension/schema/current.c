/*
 * schema/current.c: keeping the live schema up to date
 *
 * The first call describes everything; the following ones describe again the
 * units whose rows changed and the units that mention a name of these.  What
 * cannot be narrowed down (a role or schema renamed, an operator altered, a
 * catalog rewritten) makes everything be described again.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "schema/adorned.h"
#include "schema/changes.h"
#include "schema/current.h"
#include "schema/kinds.h"
#include "schema/saved.h"
#include "schema/schema.h"

/* Rounds after which concurrent changes are left to the next call. */
#define MAX_ROUNDS 3

static DbmLive *current = NULL;
static DbmWatcher *watcher = NULL;
static bool current_valid = false;

/* Units described since the schema was saved, or read as saved. */
static int64 described = 0;
static bool saved_tried = false;

/* So many, and such a part of all, are worth saving: the next session need not describe them. */
#define SAVE_UNITS 256
#define SAVE_PART 4

/* Units still to be described, and those that were queued already. */
typedef struct Worklist
{
	HTAB *queued;
	List *pending;				/* QueuedUnit */
	bool hidden;				/* those that show names without depending on them, too */
} Worklist;

typedef struct QueuedUnit
{
	DbmUnitKey key;				/* hash key, first */
	bool spread;				/* describe what mentions it in any case */
	bool fresh;					/* nothing that is older can mention it */
} QueuedUnit;

static QueuedUnit *
find_queued(Worklist *work, DbmUnitKey key, bool *found)
{
	QueuedUnit *unit = hash_search(work->queued, &key, HASH_ENTER, found);

	if (!*found)
	{
		unit->spread = unit->fresh = false;
		work->pending = lappend(work->pending, unit);
	}
	return unit;
}

/* Queues a unit that has changed rows. */
static void
queue_changed(Worklist *work, DbmUnitKey key, bool fresh)
{
	bool found;
	QueuedUnit *unit = find_queued(work, key, &found);

	unit->fresh = fresh && (!found || unit->fresh);
}

/* Queues a unit that may mention one that changed, once more if it is now to spread that. */
static void
queue_dependent(Worklist *work, DbmUnitKey key, bool spread)
{
	bool found;
	QueuedUnit *unit = find_queued(work, key, &found);

	if (found && spread && !unit->spread)
		work->pending = lappend(work->pending, unit);
	unit->spread |= spread;
}

static void
begin_work(Worklist *work)
{
	HASHCTL control = {.keysize = sizeof(DbmUnitKey),
					   .entrysize = sizeof(QueuedUnit),
					   .hcxt = CurrentMemoryContext};

	work->queued = hash_create("dbmaestro changed units", 256, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	work->pending = NIL;
	work->hidden = false;
}

/*
 * Does such a row mention of a relation only what it was made with?  What has a
 * query in it may be written otherwise when a relation gets another column.  So
 * may anything that makes a row of a type: it gets a NULL for the new column.
 */
static bool
ignores_new_columns(Oid classid)
{
	return classid == RelationRelationId || classid == ConstraintRelationId ||
		   classid == AttrDefaultRelationId;
}

static bool
same_unit(DbmUnitKey a, DbmUnitKey b)
{
	return a.objid == b.objid && a.classid == b.classid;
}

/*
 * Queues the units whose rows depend on this one, a part of the unit.  Text may
 * show what is inside of a type without depending on it, so go on behind what
 * lets it be mentioned: a view over a function mentions the columns of the type
 * that it returns, a constant of a composite type the labels of an enum in it.
 */
static void
queue_dependents_of(Worklist *work, DbmPass *pass, DbmUnitKey unit, DbmUnitKey row,
					DbmUnitChange change)
{
	bool of_type = row.classid == TypeRelationId;
	DbmRows *rows = dbm_rows_pair(dbm_pass_reader(pass), DBM_DEPEND_ON_OBJECT, row.classid,
								  row.objid);
	HeapTuple tuple;

	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);
		DbmUnitKey dependent = dbm_live_unit_of(current, form->classid, form->objid);

		if (dbm_unit_class(dependent.classid) == NULL || same_unit(dependent, unit) ||
			(change == DBM_UNIT_COLUMNS && !of_type && ignores_new_columns(form->classid)))
			continue;
		queue_dependent(work, dependent,
						of_type || dependent.classid == ProcedureRelationId ||
							dependent.classid == TypeRelationId);
	}
}

static void
queue_dependents(Worklist *work, DbmPass *pass, DbmUnitKey key, DbmUnitChange change)
{
	DbmUnit *unit = dbm_live_find(current, key);

	queue_dependents_of(work, pass, key, key, change);
	for (int at = 0; unit && at < unit->nmembers; at++)
	{
		/* of its parts only the row type has columns */
		if (change != DBM_UNIT_COLUMNS || unit->members[at].classid == TypeRelationId)
			queue_dependents_of(work, pass, key, unit->members[at], change);
	}
}

/* Queues, once, the units that may show any name: of these nobody knows which. */
static void
queue_hidden(Worklist *work)
{
	HASH_SEQ_STATUS status;
	DbmUnit *unit;

	if (work->hidden || current->hidden_count == 0)
		return;
	work->hidden = true;
	hash_seq_init(&status, current->units);
	while ((unit = hash_seq_search(&status)) != NULL)
		if (unit->hidden)
			queue_dependent(work, unit->key, false);
}

/* A schema's name is in everything it holds; did it get another one? */
static bool
schema_renamed(DbmUnitKey key, const char *name_before)
{
	DbmUnit *unit = dbm_live_find(current, key);

	return name_before && (unit == NULL || strcmp(unit->objects->identity, name_before) != 0);
}

/* Describes one unit again; false if that is not enough. */
static bool
renew_unit(Worklist *work, DbmPass *pass, QueuedUnit *queued)
{
	DbmUnitKey key = queued->key;
	DbmUnit *unit = dbm_live_find(current, key);
	char *name_before = NULL;
	DbmUnitChange change;

	if (unit && key.classid == NamespaceRelationId)
		name_before = MemoryContextStrdup(dbm_pass_memory(pass), unit->objects->identity);
	change = dbm_live_renew(current, pass, key);
	described++;
	if (queued->spread)
		queue_dependents(work, pass, key, DBM_UNIT_NAMES);
	else if (change >= DBM_UNIT_COLUMNS && !queued->fresh)
		queue_dependents(work, pass, key, change);
	/* also what is new: rolled back, a drop brings back what these show as a number meanwhile */
	if (change == DBM_UNIT_NAMES)
		queue_hidden(work);
	return !schema_renamed(key, name_before);
}

/* Sorts the owners of changed rows into units to describe; false: everything. */
static bool
queue_changes(Worklist *work, List *changes)
{
	ListCell *cell;

	foreach(cell, changes)
	{
		DbmRowChange *change = lfirst(cell);
		DbmUnitKey key;

		if (change->name)
		{
			/* what is new cannot have been mentioned yet */
			if (change->known || !OidIsValid(change->owner.objid))
				return false;
			continue;
		}
		if (change->adornments)
			dbm_adorned_add(current->adorned, change->owner, change->adornments);
		key = dbm_live_unit_of(current, change->owner.classid, change->owner.objid);
		if (dbm_unit_class(key.classid) == NULL)
			continue;
		/* others name it as their commutator or negator without depending on it */
		if (change->known && change->owner.classid == OperatorRelationId)
			return false;
		/* a schema that is not described (of an extension) leaves no name to compare with */
		if (key.classid == NamespaceRelationId && change->known &&
			dbm_live_find(current, key) == NULL)
			return false;
		/* its operators may be those of a class of it */
		if (key.classid == OperatorFamilyRelationId)
			queue_dependent(work, key, true);
		else
			queue_changed(work, key, !change->known && dbm_live_find(current, key) == NULL);
	}
	return true;
}

static bool
renew_units(List *changes, Snapshot snapshot)
{
	DbmReceiver *receiver;
	DbmPass *pass;
	Worklist work;
	ListCell *cell;
	bool enough;

	begin_work(&work);
	if (!queue_changes(&work, changes))
		return false;
	if (work.pending == NIL)
		return true;
	receiver = dbm_live_receiver(current);
	pass = dbm_pass_begin(snapshot, receiver, current->adorned);
	enough = true;
	/* the list grows while it is worked on */
	foreach(cell, work.pending)
	{
		enough = renew_unit(&work, pass, lfirst(cell));
		if (!enough)
			break;
	}
	dbm_pass_end(pass);
	hash_destroy(work.queued);
	return enough;
}

/* Takes leave of what is known and describes everything. */
static void
describe_all(Snapshot snapshot)
{
	if (current)
		dbm_live_free(current);
	current = NULL;
	current = dbm_live_make(CacheMemoryContext, 0, 0);
	dbm_live_fill(current, snapshot);
	described += hash_get_num_entries(current->units);
	/* a standby has no position in the log to go by: it describes everything every time */
	if (!RecoveryInProgress())
		current_valid = dbm_watcher_all(watcher, snapshot);
}

/* A session begins with what another one has saved. */
static void
read_saved(void)
{
	if (current || saved_tried)
		return;
	saved_tried = true;
	current = dbm_saved_read(CacheMemoryContext, watcher);
	current_valid = current != NULL;
}

/* One look: false if something was described and may have changed meanwhile. */
static bool
look(void *unused)
{
	Snapshot snapshot;
	List *changes = NIL;
	bool was_valid;

	if (!RecoveryInProgress())
	{
		read_saved();
		dbm_watcher_start(watcher);
	}
	was_valid = current_valid && !RecoveryInProgress();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	/* until the end of this look, or for ever if it fails in between */
	current_valid = false;
	if (was_valid && dbm_watcher_changes(watcher, snapshot, &changes) &&
		renew_units(changes, snapshot))
		current_valid = true;
	else
	{
		was_valid = false;
		describe_all(snapshot);
	}
	if (current_valid)
		dbm_watcher_done(watcher, snapshot);
	UnregisterSnapshot(snapshot);
	return (was_valid && changes == NIL) || !current_valid || !dbm_watcher_moved(watcher);
}

/* What a schema that changes while it is read can lead to. */
static bool
is_transient(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_INTERNAL_ERROR ||
		   error->sqlerrcode == ERRCODE_UNDEFINED_FILE ||
		   ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
			   ERRCODE_TO_CATEGORY(ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION);
}

/* What the server says of an object that is gone tells nobody what to do. */
static void
raise_restless(const ErrorData *error)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not read the schema because it keeps changing"),
			 errdetail("Another session altered it while it was being read, %d times in a row; the "
					   "last time: %s.",
					   MAX_ROUNDS, error->message),
			 errhint("Try again when the other session is done.")));
}

bool
dbm_attempt(bool (*function)(void *arg), void *arg, bool last)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool result = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		result = function(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		/* with nobody else at work it is an error like any other */
		if (!is_transient(error) || !dbm_watcher_moved(watcher))
			ReThrowError(error);
		if (last)
			raise_restless(error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return result;
}

static void
make_watcher(void)
{
	if (watcher == NULL)
		watcher = dbm_watcher_make(
			AllocSetContextCreate(CacheMemoryContext, "dbmaestro watcher", ALLOCSET_DEFAULT_SIZES));
}

void
dbm_schema_mark(void)
{
	/* as above: a standby describes everything every time */
	if (RecoveryInProgress())
		return;
	make_watcher();
	dbm_watcher_mark(watcher);
}

DbmLive *
dbm_current_schema(void)
{
	MemoryContext temporary = AllocSetContextCreate(CurrentMemoryContext, "dbmaestro schema check",
													ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(temporary);

	make_watcher();
	if (!current_valid || RecoveryInProgress() || !dbm_watcher_quiet(watcher))
	{
		CommandCounterIncrement();
		for (int round = 0; round < MAX_ROUNDS; round++)
			if (dbm_attempt(look, NULL, round == MAX_ROUNDS - 1))
				break;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(temporary);
	return current;
}

bool
dbm_current_worth_saving(void)
{
	return current_valid && !RecoveryInProgress() &&
		   described >= Max(SAVE_UNITS, hash_get_num_entries(current->units) / SAVE_PART);
}

void
dbm_current_save(int64 snapshot)
{
	if (dbm_saved_write(current, watcher, snapshot))
		described = 0;
}

void
dbm_current_horizon(DbmHorizon *horizon)
{
	dbm_watcher_horizon(watcher, horizon);
}

void
dbm_schema_root(uint8 *root)
{
	memcpy(root, dbm_live_root(dbm_current_schema(), DBM_TREE_SCHEMA), DBM_DIGEST_LENGTH);
}
