/*
 * pipeline/replication.c: do rows for our tables come in by logical replication?
 *
 * They are refused by the triggers on our tables, and then the worker
 * that applies it begins anew, forever.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_subscription_rel.h"
#include "lib/stringinfo.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/installed.h"
#include "pipeline/replication.h"

/* Names of our tables into which a subscription is to write, or NULL. */
static char *
subscribed_tables(void)
{
	Relation relation = table_open(SubscriptionRelRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	StringInfoData names;
	HeapTuple tuple;

	initStringInfo(&names);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_subscription_rel row = (Form_pg_subscription_rel) GETSTRUCT(tuple);
		char *subscription;

		if (get_rel_namespace(row->srrelid) != dbm_tables_namespace())
			continue;
		subscription = get_subscription_name(row->srsubid, true);
		appendStringInfo(&names, "%s\"%s\" to dbmaestro.%s", names.len ? ", " : "",
						 subscription ? subscription : "", get_rel_name(row->srrelid));
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return names.len ? names.data : NULL;
}

void
dbm_replication_check_in(DbmDoctorReport *report)
{
	char *tables = subscribed_tables();

	dbm_doctor_report(report, "subscription", tables ? DBM_HEALTH_WARNING : DBM_HEALTH_OK,
					  tables ? psprintf("subscriptions write to tables of dbmaestro: %s", tables)
							 : "no subscription writes to tables of dbmaestro",
					  tables ? "What they bring is refused, and they do not get beyond it.  "
							   "Have the publisher leave schema dbmaestro out."
							 : NULL);
}
