/*
 * schema/watched.c: from a catalog row to the unit that it is a part of
 *
 * Rows of the server's own objects are names to us: nothing of them is
 * described, but anything may mention them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_description.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_publication_namespace.h"
#include "catalog/pg_publication_rel.h"
#include "catalog/pg_range.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_sequence.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_transform.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_config_map.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_ts_parser.h"
#include "catalog/pg_ts_template.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"
#include "common/hashfn.h"

#include "schema/adorned.h"
#include "schema/watched.h"

/* A row of, or hanging on, the object; of the server's own objects names are all that counts. */
static DbmWatch
own(DbmUnitKey *owner, Oid classid, Oid objid)
{
	owner->classid = classid;
	owner->objid = objid >= FirstNormalObjectId ? objid : InvalidOid;
	return OidIsValid(owner->objid) ? DBM_WATCH_ROW : DBM_WATCH_NAME;
}

/* As above, but what hangs on the server's own objects does not count. */
static DbmWatch
satellite(DbmUnitKey *owner, Oid classid, Oid objid)
{
	owner->classid = classid;
	owner->objid = objid;
	return objid >= FirstNormalObjectId || classid == NamespaceRelationId ? DBM_WATCH_ROW
																		  : DBM_WATCH_IGNORE;
}

/* What the deparser finds in pg_catalog depends on everything that is there. */
static DbmWatch
any_name(DbmUnitKey *owner, Oid classid, Oid objid)
{
	owner->classid = classid;
	owner->objid = InvalidOid;
	return DBM_WATCH_NAME;
}

static DbmWatch
name_only(DbmUnitKey *owner, Oid classid, Oid objid)
{
	owner->classid = classid;
	owner->objid = objid;
	return DBM_WATCH_NAME;
}

/* Most catalogs say in one fixed column whose row it is. */
#define DEFINE_OWNER(function, form_type, kind, class_oid, column)                               \
	static DbmWatch function(HeapTuple tuple, DbmUnitKey *owner)                                   \
	{                                                                                              \
		return kind(owner, class_oid, ((form_type) GETSTRUCT(tuple))->column);                     \
	}

DEFINE_OWNER(own_class, Form_pg_class, own, RelationRelationId, oid)
DEFINE_OWNER(own_attribute, Form_pg_attribute, own, RelationRelationId, attrelid)
DEFINE_OWNER(own_attrdef, Form_pg_attrdef, own, RelationRelationId, adrelid)
DEFINE_OWNER(own_index, Form_pg_index, own, RelationRelationId, indrelid)
DEFINE_OWNER(own_inherits, Form_pg_inherits, own, RelationRelationId, inhrelid)
DEFINE_OWNER(own_partitioned, Form_pg_partitioned_table, own, RelationRelationId, partrelid)
DEFINE_OWNER(own_trigger, Form_pg_trigger, own, RelationRelationId, tgrelid)
DEFINE_OWNER(own_rewrite, Form_pg_rewrite, own, RelationRelationId, ev_class)
DEFINE_OWNER(own_policy, Form_pg_policy, own, RelationRelationId, polrelid)
DEFINE_OWNER(own_sequence, Form_pg_sequence, own, RelationRelationId, seqrelid)
DEFINE_OWNER(own_statistic, Form_pg_statistic_ext, own, RelationRelationId, stxrelid)
DEFINE_OWNER(own_foreign_table, Form_pg_foreign_table, own, RelationRelationId, ftrelid)
DEFINE_OWNER(own_aggregate, Form_pg_aggregate, own, ProcedureRelationId, aggfnoid)
DEFINE_OWNER(own_enum, Form_pg_enum, own, TypeRelationId, enumtypid)
DEFINE_OWNER(own_range, Form_pg_range, own, TypeRelationId, rngtypid)
DEFINE_OWNER(own_extension, Form_pg_extension, satellite, ExtensionRelationId, oid)
DEFINE_OWNER(own_event_trigger, Form_pg_event_trigger, own, EventTriggerRelationId, oid)
DEFINE_OWNER(own_default_acl, Form_pg_default_acl, own, DefaultAclRelationId, oid)
DEFINE_OWNER(name_role, Form_pg_authid, name_only, AuthIdRelationId, oid)
DEFINE_OWNER(name_tablespace, Form_pg_tablespace, name_only, TableSpaceRelationId, oid)
DEFINE_OWNER(own_collation, Form_pg_collation, own, CollationRelationId, oid)
DEFINE_OWNER(own_opclass, Form_pg_opclass, own, OperatorClassRelationId, oid)
DEFINE_OWNER(own_am, Form_pg_am, own, AccessMethodRelationId, oid)
DEFINE_OWNER(own_language, Form_pg_language, own, LanguageRelationId, oid)
DEFINE_OWNER(own_ts_config, Form_pg_ts_config, own, TSConfigRelationId, oid)
DEFINE_OWNER(own_ts_dict, Form_pg_ts_dict, own, TSDictionaryRelationId, oid)
DEFINE_OWNER(own_server, Form_pg_foreign_server, own, ForeignServerRelationId, oid)
DEFINE_OWNER(own_opfamily, Form_pg_opfamily, own, OperatorFamilyRelationId, oid)
DEFINE_OWNER(own_amop, Form_pg_amop, own, OperatorFamilyRelationId, amopfamily)
DEFINE_OWNER(own_amproc, Form_pg_amproc, own, OperatorFamilyRelationId, amprocfamily)
DEFINE_OWNER(own_cast, Form_pg_cast, own, CastRelationId, oid)
DEFINE_OWNER(own_transform, Form_pg_transform, own, TransformRelationId, oid)
DEFINE_OWNER(own_conversion, Form_pg_conversion, own, ConversionRelationId, oid)
DEFINE_OWNER(own_ts_template, Form_pg_ts_template, own, TSTemplateRelationId, oid)
DEFINE_OWNER(own_ts_parser, Form_pg_ts_parser, own, TSParserRelationId, oid)
DEFINE_OWNER(own_ts_config_map, Form_pg_ts_config_map, own, TSConfigRelationId, mapcfg)
DEFINE_OWNER(own_foreign_wrapper, Form_pg_foreign_data_wrapper, own, ForeignDataWrapperRelationId,
			 oid)
DEFINE_OWNER(own_user_mapping, Form_pg_user_mapping, own, UserMappingRelationId, oid)
DEFINE_OWNER(own_publication, Form_pg_publication, own, PublicationRelationId, oid)
DEFINE_OWNER(own_publication_rel, Form_pg_publication_rel, own, PublicationRelationId, prpubid)
DEFINE_OWNER(own_publication_namespace, Form_pg_publication_namespace, own, PublicationRelationId,
			 pnpubid)
DEFINE_OWNER(own_subscription, Form_pg_subscription, own, SubscriptionRelationId, oid)

static DbmWatch
own_namespace(HeapTuple tuple, DbmUnitKey *owner)
{
	/* public has an old number but is a schema like any other */
	return satellite(owner, NamespaceRelationId, ((Form_pg_namespace) GETSTRUCT(tuple))->oid);
}

static DbmWatch
own_proc(HeapTuple tuple, DbmUnitKey *owner)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);

	if (form->pronamespace == PG_CATALOG_NAMESPACE)
		return any_name(owner, ProcedureRelationId, form->oid);
	return own(owner, ProcedureRelationId, form->oid);
}

static DbmWatch
own_operator(HeapTuple tuple, DbmUnitKey *owner)
{
	Form_pg_operator form = (Form_pg_operator) GETSTRUCT(tuple);

	if (form->oprnamespace == PG_CATALOG_NAMESPACE)
		return any_name(owner, OperatorRelationId, form->oid);
	return own(owner, OperatorRelationId, form->oid);
}

static DbmWatch
own_constraint(HeapTuple tuple, DbmUnitKey *owner)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);

	if (OidIsValid(form->conrelid))
		return own(owner, RelationRelationId, form->conrelid);
	return own(owner, TypeRelationId, form->contypid);
}

static DbmWatch
own_type(HeapTuple tuple, DbmUnitKey *owner)
{
	Form_pg_type form = (Form_pg_type) GETSTRUCT(tuple);

	if (OidIsValid(form->typrelid))
		return own(owner, RelationRelationId, form->typrelid);
	return own(owner, TypeRelationId, form->oid);
}

static DbmWatch
adornment(DbmUnitKey *owner, Oid classid, Oid objid)
{
	return satellite(owner, classid, objid) == DBM_WATCH_IGNORE ? DBM_WATCH_IGNORE
																: DBM_WATCH_ADORNMENT;
}

static DbmWatch
own_description(HeapTuple tuple, DbmUnitKey *owner)
{
	Form_pg_description form = (Form_pg_description) GETSTRUCT(tuple);

	return adornment(owner, form->classoid, form->objoid);
}

static DbmWatch
own_label(HeapTuple tuple, DbmUnitKey *owner)
{
	FormData_pg_seclabel *form = (FormData_pg_seclabel *) GETSTRUCT(tuple);

	return satellite(owner, form->classoid, form->objoid);
}

/* Of all dependencies those that show in a description: extensions, and who owns a sequence. */
static DbmWatch
own_depend(HeapTuple tuple, DbmUnitKey *owner)
{
	Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

	if (form->refclassid == ExtensionRelationId)
		return adornment(owner, form->classid, form->objid);
	if (form->classid == RelationRelationId && form->refclassid == RelationRelationId &&
		form->refobjsubid != 0)
		return satellite(owner, form->classid, form->objid);
	return DBM_WATCH_IGNORE;
}

/* A new password is no new name. */
static uint64
role_content(HeapTuple tuple)
{
	Form_pg_authid form = (Form_pg_authid) GETSTRUCT(tuple);

	return hash_bytes_extended((const unsigned char *) NameStr(form->rolname),
							   strlen(NameStr(form->rolname)), form->oid);
}

const DbmWatchedCatalog dbm_watched_catalogs[] = {
	{NamespaceRelationId, own_namespace, NULL},
	{RelationRelationId, own_class, NULL},
	{AttributeRelationId, own_attribute, NULL},
	{AttrDefaultRelationId, own_attrdef, NULL},
	{ConstraintRelationId, own_constraint, NULL},
	{IndexRelationId, own_index, NULL},
	{InheritsRelationId, own_inherits, NULL},
	{PartitionedRelationId, own_partitioned, NULL},
	{TriggerRelationId, own_trigger, NULL},
	{RewriteRelationId, own_rewrite, NULL},
	{PolicyRelationId, own_policy, NULL},
	{SequenceRelationId, own_sequence, NULL},
	{StatisticExtRelationId, own_statistic, NULL},
	{ForeignTableRelationId, own_foreign_table, NULL},
	{ProcedureRelationId, own_proc, NULL},
	{AggregateRelationId, own_aggregate, NULL},
	{TypeRelationId, own_type, NULL},
	{EnumRelationId, own_enum, NULL},
	{RangeRelationId, own_range, NULL},
	{ExtensionRelationId, own_extension, NULL},
	{EventTriggerRelationId, own_event_trigger, NULL},
	{DefaultAclRelationId, own_default_acl, NULL},
	{DescriptionRelationId, own_description, NULL, DBM_ADORNED_COMMENT},
	{SecLabelRelationId, own_label, NULL},
	{DependRelationId, own_depend, NULL, DBM_ADORNED_EXTENSION},
	{AuthIdRelationId, name_role, role_content},
	{TableSpaceRelationId, name_tablespace, NULL},
	{CollationRelationId, own_collation, NULL},
	{OperatorRelationId, own_operator, NULL},
	{OperatorClassRelationId, own_opclass, NULL},
	{OperatorFamilyRelationId, own_opfamily, NULL},
	{AccessMethodOperatorRelationId, own_amop, NULL},
	{AccessMethodProcedureRelationId, own_amproc, NULL},
	{AccessMethodRelationId, own_am, NULL},
	{LanguageRelationId, own_language, NULL},
	{CastRelationId, own_cast, NULL},
	{TransformRelationId, own_transform, NULL},
	{ConversionRelationId, own_conversion, NULL},
	{TSConfigRelationId, own_ts_config, NULL},
	{TSConfigMapRelationId, own_ts_config_map, NULL},
	{TSDictionaryRelationId, own_ts_dict, NULL},
	{TSTemplateRelationId, own_ts_template, NULL},
	{TSParserRelationId, own_ts_parser, NULL},
	{ForeignDataWrapperRelationId, own_foreign_wrapper, NULL},
	{ForeignServerRelationId, own_server, NULL},
	{UserMappingRelationId, own_user_mapping, NULL},
	{PublicationRelationId, own_publication, NULL},
	{PublicationRelRelationId, own_publication_rel, NULL},
	{PublicationNamespaceRelationId, own_publication_namespace, NULL},
	{SubscriptionRelationId, own_subscription, NULL},
};

const int dbm_watched_catalog_count = lengthof(dbm_watched_catalogs);
