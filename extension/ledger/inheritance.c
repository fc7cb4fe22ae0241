/*
 * ledger/inheritance.c: who is a partition of whom, by pg_inherits
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"

#include "ledger/inheritance.h"

/* Begins to read the rows that have this relation in that column. */
static SysScanDesc
begin_scan(Relation inherits, AttrNumber column, Oid index, Oid relation)
{
	ScanKeyData key;

	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
	return systable_beginscan(inherits, index, true, NULL, 1, &key);
}

Oid
dbm_inheritance_parent(Oid child, bool *pending)
{
	Relation inherits = table_open(InheritsRelationId, AccessShareLock);
	SysScanDesc scan = begin_scan(inherits, Anum_pg_inherits_inhrelid, InheritsRelidSeqnoIndexId,
								  child);
	HeapTuple tuple = systable_getnext(scan);
	Oid parent = InvalidOid;

	if (tuple)
	{
		Form_pg_inherits row = (Form_pg_inherits) GETSTRUCT(tuple);

		parent = row->inhparent;
		if (pending)
			*pending = row->inhdetachpending;
	}
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
	return parent;
}

List *
dbm_inheritance_children(Oid parent)
{
	Relation inherits = table_open(InheritsRelationId, AccessShareLock);
	SysScanDesc scan = begin_scan(inherits, Anum_pg_inherits_inhparent, InheritsParentIndexId,
								  parent);
	HeapTuple tuple;
	List *children = NIL;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_inherits row = (Form_pg_inherits) GETSTRUCT(tuple);

		if (!row->inhdetachpending)
			children = lappend_oid(children, row->inhrelid);
	}
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
	return children;
}

List *
dbm_inheritance_tree(Oid root)
{
	List *tree = list_make1_oid(root);

	/* the list grows while we walk it */
	for (int at = 0; at < list_length(tree); at++)
	{
		CHECK_FOR_INTERRUPTS();
		tree = list_concat_unique_oid(tree, dbm_inheritance_children(list_nth_oid(tree, at)));
	}
	return tree;
}
