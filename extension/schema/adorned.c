/*
 * schema/adorned.c: a set of objects, made by two scans
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_description.h"
#include "catalog/pg_extension.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/rel.h"

#include "schema/adorned.h"
#include "schema/pass.h"

typedef struct Adornment
{
	DbmUnitKey object;			/* hash key, first */
	int adornments;
} Adornment;

struct DbmAdorned
{
	HTAB *objects;
};

void
dbm_adorned_add(DbmAdorned *adorned, DbmUnitKey object, int adornments)
{
	bool found;
	Adornment *adornment = hash_search(adorned->objects, &object, HASH_ENTER, &found);

	if (!found)
		adornment->adornments = 0;
	adornment->adornments |= adornments;
}

static void
read_comments(DbmAdorned *adorned, Snapshot snapshot)
{
	Relation relation = table_open(DescriptionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_description_objoid, BTGreaterEqualStrategyNumber, F_OIDGE,
				ObjectIdGetDatum(FirstNormalObjectId));
	scan = systable_beginscan(relation, DescriptionObjIndexId, true, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_description form = (Form_pg_description) GETSTRUCT(tuple);

		dbm_adorned_add(adorned, (DbmUnitKey){form->classoid, form->objoid}, DBM_ADORNED_COMMENT);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
}

static void
read_extensions(DbmAdorned *adorned, Snapshot snapshot)
{
	Relation relation = table_open(DependRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(ExtensionRelationId));
	scan = systable_beginscan(relation, DependReferenceIndexId, true, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		dbm_adorned_add(adorned, (DbmUnitKey){form->classid, form->objid},
						form->deptype == DEPENDENCY_EXTENSION
							? DBM_ADORNED_EXTENSION | DBM_ADORNED_MEMBER
							: DBM_ADORNED_EXTENSION);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
}

DbmAdorned *
dbm_adorned_make(int expected)
{
	HASHCTL control = {.keysize = sizeof(DbmUnitKey),
					   .entrysize = sizeof(Adornment),
					   .hcxt = CurrentMemoryContext};
	DbmAdorned *adorned = palloc(sizeof(DbmAdorned));

	adorned->objects = hash_create("dbmaestro adorned objects", Max(expected, 256), &control,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return adorned;
}

DbmAdorned *
dbm_adorned_read(Snapshot snapshot)
{
	DbmAdorned *adorned = dbm_adorned_make(0);

	read_comments(adorned, snapshot);
	read_extensions(adorned, snapshot);
	return adorned;
}

bool
dbm_adorned_has(DbmAdorned *adorned, Oid classid, Oid objid, int adornments)
{
	DbmUnitKey key = {classid, objid};
	Adornment *adornment;

	/* thousands of comments on objects of the server's own, of which few are ever described */
	if (objid < FirstNormalObjectId)
		return true;
	adornment = hash_search(adorned->objects, &key, HASH_FIND, NULL);
	return adornment && (adornment->adornments & adornments) != 0;
}

int
dbm_adorned_count(DbmAdorned *adorned)
{
	return hash_get_num_entries(adorned->objects);
}

void
dbm_adorned_each(DbmAdorned *adorned,
				 void (*function)(DbmUnitKey object, int adornments, void *arg), void *arg)
{
	HASH_SEQ_STATUS status;
	Adornment *adornment;

	hash_seq_init(&status, adorned->objects);
	while ((adornment = hash_seq_search(&status)) != NULL)
		function(adornment->object, adornment->adornments, arg);
}
