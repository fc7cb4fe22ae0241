/*
 * ledger/temporary.c: the session's temporary schema before and after a run
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_namespace.h"
#include "utils/fmgroids.h"

#include "core/errors.h"
#include "ledger/temporary.h"

/* Describes one object in the schema, or returns NULL; all of them depend on it. */
static char *
find_member(Oid namespace)
{
	Relation relation = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	char *found = NULL;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(NamespaceRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(namespace));
	scan = systable_beginscan(relation, DependReferenceIndexId, true, NULL, 2, keys);
	while (found == NULL && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend member = (Form_pg_depend) GETSTRUCT(tuple);
		ObjectAddress address = {member->classid, member->objid, member->objsubid};

		found = getObjectDescription(&address, true);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

void
dbm_temporary_require_none(const char *act)
{
	Oid namespace;
	Oid toast_namespace;
	char *member;

	GetTempNamespaceState(&namespace, &toast_namespace);
	member = OidIsValid(namespace) ? find_member(namespace) : NULL;
	if (member)
		ereport(
			ERROR,
			(errcode(ERRCODE_DBM_TRANSACTION_STATE),
			 errmsg("%s cannot run while the session has temporary objects", act),
			 errdetail("There is temporary %s.  A script could take it for the object it names.",
					   member),
			 errhint("Run: DISCARD TEMP;")));
}

void
dbm_temporary_drop(void)
{
	CommandCounterIncrement();
	ResetTempTableNamespace();
}
