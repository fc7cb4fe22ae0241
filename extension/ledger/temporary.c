/*
 * ledger/temporary.c: drop what a script left in the session's temporary schema
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "utils/syscache.h"

#include "guard/collected.h"
#include "ledger/execute.h"
#include "ledger/temporary.h"

static bool
still_exists(const ObjectAddress *address)
{
	int cache = get_object_catcache_oid(address->classId);

	return cache >= 0 && SearchSysCacheExists1(cache, ObjectIdGetDatum(address->objectId));
}

void
dbm_temporary_drop(List *touched)
{
	ObjectAddresses *objects = new_object_addresses();
	bool any = false;
	ListCell *cell;

	CommandCounterIncrement();
	foreach (cell, touched)
	{
		const DbmTouched *object = ((DbmTouchedAt *) lfirst(cell))->touched;
		ObjectAddress address;

		if (!object->temporary || strcmp(object->action, "created") != 0)
			continue;
		ObjectAddressSet(address, object->classid, object->objid);
		if (!still_exists(&address))
			continue;
		add_exact_object_address(&address, objects);
		any = true;
	}
	if (any)
		performMultipleDeletions(objects, DROP_CASCADE,
								 PERFORM_DELETION_INTERNAL | PERFORM_DELETION_QUIETLY);
	free_object_addresses(objects);
}
