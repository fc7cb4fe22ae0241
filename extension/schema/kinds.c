/*
 * schema/kinds.c: the table of units
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"

#include "schema/kinds.h"

const DbmUnitClass dbm_unit_classes[] = {
	{NamespaceRelationId, DBM_NAMESPACE_BY_OID, dbm_describe_schema},
	{ExtensionRelationId, DBM_EXTENSION_BY_OID, dbm_describe_extension},
	{TypeRelationId, DBM_TYPE_BY_OID, dbm_describe_type},
	{ProcedureRelationId, DBM_PROC_BY_OID, dbm_describe_function},
	{RelationRelationId, DBM_CLASS_BY_OID, dbm_describe_relation},
	{EventTriggerRelationId, DBM_EVENT_TRIGGER_BY_OID, dbm_describe_event_trigger},
	{DefaultAclRelationId, DBM_DEFAULT_ACL_BY_OID, dbm_describe_default_acl},
};

const int dbm_unit_class_count = lengthof(dbm_unit_classes);

const DbmUnitClass *
dbm_unit_class(Oid catalog)
{
	for (int at = 0; at < lengthof(dbm_unit_classes); at++)
		if (dbm_unit_classes[at].catalog == catalog)
			return &dbm_unit_classes[at];
	return NULL;
}
