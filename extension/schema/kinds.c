/*
 * schema/kinds.c: the table of units
 */
#include "postgres.h"

#include "catalog/pg_am.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_transform.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_ts_parser.h"
#include "catalog/pg_ts_template.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"

#include "schema/kinds.h"

const DbmUnitClass dbm_unit_classes[] = {
	{NamespaceRelationId, DBM_NAMESPACE_BY_OID, dbm_describe_schema},
	{ExtensionRelationId, DBM_EXTENSION_BY_OID, dbm_describe_extension},
	{TypeRelationId, DBM_TYPE_BY_OID, dbm_describe_type, offsetof(FormData_pg_type, typnamespace)},
	{ProcedureRelationId, DBM_PROC_BY_OID, dbm_describe_function,
	 offsetof(FormData_pg_proc, pronamespace)},
	{RelationRelationId, DBM_CLASS_BY_OID, dbm_describe_relation,
	 offsetof(FormData_pg_class, relnamespace)},
	{EventTriggerRelationId, DBM_EVENT_TRIGGER_BY_OID, dbm_describe_event_trigger},
	{DefaultAclRelationId, DBM_DEFAULT_ACL_BY_OID, dbm_describe_default_acl},
	{OperatorRelationId, DBM_OPERATOR_BY_OID, dbm_describe_operator,
	 offsetof(FormData_pg_operator, oprnamespace)},
	{OperatorClassRelationId, DBM_OPCLASS_BY_OID, dbm_describe_opclass,
	 offsetof(FormData_pg_opclass, opcnamespace)},
	{OperatorFamilyRelationId, DBM_OPFAMILY_BY_OID, dbm_describe_opfamily,
	 offsetof(FormData_pg_opfamily, opfnamespace)},
	{AccessMethodRelationId, DBM_ACCESS_METHOD_BY_OID, dbm_describe_access_method},
	{LanguageRelationId, DBM_LANGUAGE_BY_OID, dbm_describe_language},
	{CastRelationId, DBM_CAST_BY_OID, dbm_describe_cast},
	{TransformRelationId, DBM_TRANSFORM_BY_OID, dbm_describe_transform},
	{CollationRelationId, DBM_COLLATION_BY_OID, dbm_describe_collation,
	 offsetof(FormData_pg_collation, collnamespace)},
	{ConversionRelationId, DBM_CONVERSION_BY_OID, dbm_describe_conversion,
	 offsetof(FormData_pg_conversion, connamespace)},
	{TSConfigRelationId, DBM_TS_CONFIG_BY_OID, dbm_describe_ts_config,
	 offsetof(FormData_pg_ts_config, cfgnamespace)},
	{TSDictionaryRelationId, DBM_TS_DICT_BY_OID, dbm_describe_ts_dict,
	 offsetof(FormData_pg_ts_dict, dictnamespace)},
	{TSTemplateRelationId, DBM_TS_TEMPLATE_BY_OID, dbm_describe_ts_template,
	 offsetof(FormData_pg_ts_template, tmplnamespace)},
	{TSParserRelationId, DBM_TS_PARSER_BY_OID, dbm_describe_ts_parser,
	 offsetof(FormData_pg_ts_parser, prsnamespace)},
	{ForeignDataWrapperRelationId, DBM_FOREIGN_WRAPPER_BY_OID, dbm_describe_foreign_wrapper},
	{ForeignServerRelationId, DBM_SERVER_BY_OID, dbm_describe_server},
	{UserMappingRelationId, DBM_USER_MAPPING_BY_OID, dbm_describe_user_mapping},
	{PublicationRelationId, DBM_PUBLICATION_BY_OID, dbm_describe_publication},
	{SubscriptionRelationId, DBM_SUBSCRIPTION_BY_OID, dbm_describe_subscription},
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
