/*
 * ledger/deferrable.c: the tables with deferrable triggers, remembered
 *
 * The first call of a session reads all of pg_trigger.  Whoever makes, alters
 * or drops a trigger invalidates the relation cache entry of its table, so
 * afterwards only tables with an invalidation are looked at.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_trigger.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "ledger/deferrable.h"

/* More than that have changed: reading all of pg_trigger is no worse. */
#define MAX_CHANGED 64

static List *tables = NIL;
static bool tables_known = false;
static Oid changed[MAX_CHANGED];
static int nchanged = 0;

static void
note_changed(Datum argument, Oid relation)
{
	if (!tables_known)
		return;
	for (int at = 0; at < nchanged; at++)
	{
		if (changed[at] == relation)
			return;
	}
	if (relation == InvalidOid || nchanged == MAX_CHANGED)
		tables_known = false;
	else
		changed[nchanged++] = relation;
}

void
dbm_deferrable_init(void)
{
	CacheRegisterRelcacheCallback(note_changed, (Datum) 0);
}

/* The tables with deferrable triggers among all, or this one if it is one. */
static List *
read_triggers(Oid table)
{
	Relation relation = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	List *found = NIL;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(table));
	scan = systable_beginscan(relation, TriggerRelidNameIndexId, OidIsValid(table), NULL,
							  OidIsValid(table) ? 1 : 0, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tuple);

		if (trigger->tgdeferrable)
			found = lappend_oid(found, trigger->tgrelid);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	list_sort(found, list_oid_cmp);
	list_deduplicate_oid(found);
	return found;
}

static List *
read_changed(List *known, const Oid *relations, int nrelations)
{
	for (int at = 0; at < nrelations; at++)
	{
		known = list_delete_oid(known, relations[at]);
		known = list_concat(known, read_triggers(relations[at]));
	}
	return known;
}

/* Reads with a copy of what is known: invalidations arrive meanwhile, and errors. */
static void
refresh(void)
{
	Oid relations[MAX_CHANGED];
	int nrelations = nchanged;
	bool all = !tables_known;
	List *fresh;
	MemoryContext caller = CurrentMemoryContext;

	memcpy(relations, changed, sizeof(relations));
	nchanged = 0;
	tables_known = true;
	PG_TRY();
	{
		fresh = all ? read_triggers(InvalidOid)
					: read_changed(list_copy(tables), relations, nrelations);
		MemoryContextSwitchTo(CacheMemoryContext);
		fresh = list_copy(fresh);
		MemoryContextSwitchTo(caller);
	}
	PG_CATCH();
	{
		tables_known = false;
		PG_RE_THROW();
	}
	PG_END_TRY();

	list_free(tables);
	tables = fresh;
}

List *
dbm_deferrable_tables(void)
{
	while (!tables_known || nchanged > 0)
		refresh();
	return tables;
}
