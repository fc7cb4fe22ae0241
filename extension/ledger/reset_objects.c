/*
 * ledger/reset_objects.c: find, judge and drop what a fresh database would not have
 *
 * The server's own dependency machinery drops them, all at once and without
 * CASCADE: whatever is not on our list stays, or the whole reset fails.  It runs
 * no code of users, and event triggers do not fire for it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_am.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_language.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_largeobject_metadata.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_transform.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_ts_parser.h"
#include "catalog/pg_ts_template.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/errors.h"
#include "core/installed.h"
#include "ledger/reset.h"

/* A catalog of objects; their oid is its first column. */
typedef struct Catalog
{
	Oid relation;
	Oid classid;				/* what dependencies call it */
	AttrNumber namespace;		/* column with its schema, 0 for none */
	AttrNumber owner;			/* column with its owner, 0 for none */
} Catalog;

static const Catalog catalogs[] = {
	{RelationRelationId, RelationRelationId, Anum_pg_class_relnamespace, Anum_pg_class_relowner},
	{ProcedureRelationId, ProcedureRelationId, Anum_pg_proc_pronamespace, Anum_pg_proc_proowner},
	{TypeRelationId, TypeRelationId, Anum_pg_type_typnamespace, Anum_pg_type_typowner},
	{OperatorRelationId, OperatorRelationId, Anum_pg_operator_oprnamespace,
	 Anum_pg_operator_oprowner},
	{OperatorClassRelationId, OperatorClassRelationId, Anum_pg_opclass_opcnamespace,
	 Anum_pg_opclass_opcowner},
	{OperatorFamilyRelationId, OperatorFamilyRelationId, Anum_pg_opfamily_opfnamespace,
	 Anum_pg_opfamily_opfowner},
	{CollationRelationId, CollationRelationId, Anum_pg_collation_collnamespace,
	 Anum_pg_collation_collowner},
	{ConversionRelationId, ConversionRelationId, Anum_pg_conversion_connamespace,
	 Anum_pg_conversion_conowner},
	{StatisticExtRelationId, StatisticExtRelationId, Anum_pg_statistic_ext_stxnamespace,
	 Anum_pg_statistic_ext_stxowner},
	{TSConfigRelationId, TSConfigRelationId, Anum_pg_ts_config_cfgnamespace,
	 Anum_pg_ts_config_cfgowner},
	{TSDictionaryRelationId, TSDictionaryRelationId, Anum_pg_ts_dict_dictnamespace,
	 Anum_pg_ts_dict_dictowner},
	{TSParserRelationId, TSParserRelationId, Anum_pg_ts_parser_prsnamespace, 0},
	{TSTemplateRelationId, TSTemplateRelationId, Anum_pg_ts_template_tmplnamespace, 0},
	{NamespaceRelationId, NamespaceRelationId, 0, Anum_pg_namespace_nspowner},
	{ExtensionRelationId, ExtensionRelationId, 0, Anum_pg_extension_extowner},
	{LanguageRelationId, LanguageRelationId, 0, Anum_pg_language_lanowner},
	{ForeignDataWrapperRelationId, ForeignDataWrapperRelationId, 0,
	 Anum_pg_foreign_data_wrapper_fdwowner},
	{ForeignServerRelationId, ForeignServerRelationId, 0, Anum_pg_foreign_server_srvowner},
	{PublicationRelationId, PublicationRelationId, 0, Anum_pg_publication_pubowner},
	{EventTriggerRelationId, EventTriggerRelationId, 0, Anum_pg_event_trigger_evtowner},
	{LargeObjectMetadataRelationId, LargeObjectRelationId, 0,
	 Anum_pg_largeobject_metadata_lomowner},
	{DefaultAclRelationId, DefaultAclRelationId, 0, Anum_pg_default_acl_defaclrole},
	{UserMappingRelationId, UserMappingRelationId, 0, 0},
	{CastRelationId, CastRelationId, 0, 0},
	{TransformRelationId, TransformRelationId, 0, 0},
	{AccessMethodRelationId, AccessMethodRelationId, 0, 0},
};

/* What is found on the way. */
typedef struct Reset
{
	Oid run_as;
	ObjectAddresses *objects;
	int64 count;
	StringInfo foreign;			/* descriptions of objects that nobody involved may drop */
	int64 nforeign;
} Reset;

/* ---- which objects ---- */

/* Does another object take it along when it is dropped: an extension, or the one it is a part of? */
static bool
is_part(Relation depend, Oid classid, Oid objid)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool found = false;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(classid));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(objid));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL, 2, keys);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		/* columns of a partition key depend on their own table */
		found = form->objsubid == 0 &&
				(form->deptype == DEPENDENCY_INTERNAL || form->deptype == DEPENDENCY_EXTENSION);
	}
	systable_endscan(scan);
	return found;
}

/* Schemas whose contents are not for us: ours, and those that the server makes for itself. */
static bool
stays_with_contents(Oid namespace)
{
	return namespace == dbm_tables_namespace() || namespace == PG_TOAST_NAMESPACE ||
		   isAnyTempNamespace(namespace);
}

static bool
is_procedural_language(HeapTuple extension)
{
	return strcmp(NameStr(((Form_pg_extension) GETSTRUCT(extension))->extname), "plpgsql") == 0;
}

/* A fresh database has one, and scripts take it for granted; whoever made this one anew. */
static bool
is_public(HeapTuple namespace)
{
	return strcmp(NameStr(((Form_pg_namespace) GETSTRUCT(namespace))->nspname), "public") == 0;
}

static bool
is_index(HeapTuple relation)
{
	char kind = ((Form_pg_class) GETSTRUCT(relation))->relkind;

	/* they go with their table, or with a constraint, which goes with its own */
	return kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX;
}

static Oid
read_oid(HeapTuple tuple, AttrNumber column, TupleDesc descriptor)
{
	bool is_null;
	Datum value = column == 0 ? (Datum) 0 : heap_getattr(tuple, column, descriptor, &is_null);

	return column == 0 || is_null ? InvalidOid : DatumGetObjectId(value);
}

static bool
stays(const Catalog *catalog, Oid oid, Oid namespace, HeapTuple tuple)
{
	/* the server's own, public and plpgsql among them; of large objects it has none */
	if (oid < FirstNormalObjectId && catalog->relation != LargeObjectMetadataRelationId)
		return true;
	if (OidIsValid(namespace) && stays_with_contents(namespace))
		return true;
	switch (catalog->relation)
	{
		case NamespaceRelationId:
			return oid == dbm_functions_namespace() || stays_with_contents(oid) || is_public(tuple);
		case ExtensionRelationId:
			return oid == dbm_extension_oid() || is_procedural_language(tuple);
		case RelationRelationId:
			return is_index(tuple);
		default:
			return false;
	}
}

/* ---- who may ---- */

static Oid
owner_of_type(Oid type)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_type) GETSTRUCT(tuple))->typowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* A cast is about the type that is not the server's. */
static Oid
owner_of_cast(Form_pg_cast cast)
{
	if (cast->castsource >= FirstNormalObjectId)
		return owner_of_type(cast->castsource);
	if (cast->casttarget >= FirstNormalObjectId)
		return owner_of_type(cast->casttarget);
	return InvalidOid;
}

static Oid
owner_of_server(Oid server)
{
	HeapTuple tuple = SearchSysCache1(FOREIGNSERVEROID, ObjectIdGetDatum(server));
	Oid owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_foreign_server) GETSTRUCT(tuple))->srvowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* Of what has no owner, who owns what it is about; InvalidOid: superusers only. */
static Oid
owner_of_subject(const Catalog *catalog, HeapTuple tuple)
{
	switch (catalog->relation)
	{
		case CastRelationId:
			return owner_of_cast((Form_pg_cast) GETSTRUCT(tuple));
		case TransformRelationId:
			return owner_of_type(((Form_pg_transform) GETSTRUCT(tuple))->trftype);
		case UserMappingRelationId:
			return owner_of_server(((Form_pg_user_mapping) GETSTRUCT(tuple))->umserver);
		default:
			return InvalidOid;
	}
}

/* As for DROP: the owner of an object may, and the owner of its schema. */
static bool
may_drop(Oid role, Oid owner, Oid namespace)
{
	if (superuser_arg(role))
		return true;
	if (OidIsValid(owner) && has_privs_of_role(role, owner))
		return true;
	return OidIsValid(namespace) && dbm_owns_namespace(namespace, role);
}

#define MAX_LISTED 10

static void
judge(Reset *reset, const ObjectAddress *object, Oid owner, Oid namespace)
{
	if (may_drop(GetUserId(), owner, namespace) ||
		(OidIsValid(reset->run_as) && may_drop(reset->run_as, owner, namespace)))
		return;
	if (reset->nforeign++ < MAX_LISTED)
		appendStringInfo(reset->foreign, "%s%s", reset->foreign->len > 0 ? "\n" : "",
						 getObjectDescription(object, false));
}

/* ---- all of it ---- */

static void
collect(Reset *reset, Relation depend, const Catalog *catalog)
{
	Relation relation = table_open(catalog->relation, AccessShareLock);
	TupleDesc descriptor = RelationGetDescr(relation);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid oid = read_oid(tuple, 1, descriptor);
		Oid namespace = read_oid(tuple, catalog->namespace, descriptor);
		Oid owner;
		ObjectAddress object;

		CHECK_FOR_INTERRUPTS();
		if (stays(catalog, oid, namespace, tuple) || is_part(depend, catalog->classid, oid))
			continue;
		owner = catalog->owner ? read_oid(tuple, catalog->owner, descriptor)
							   : owner_of_subject(catalog, tuple);
		ObjectAddressSet(object, catalog->classid, oid);
		judge(reset, &object, owner, namespace);
		add_exact_object_address(&object, reset->objects);
		reset->count++;
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
}

/* It has a part on another server, which DROP SUBSCRIPTION alone sees to. */
static void
require_no_subscription(void)
{
	Relation relation = table_open(SubscriptionRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_subscription subscription = (Form_pg_subscription) GETSTRUCT(tuple);

		if (subscription->subdbid == MyDatabaseId)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("dbm_reset cannot drop subscription \"%s\"",
								   NameStr(subscription->subname)),
							errdetail("It has a replication slot on another server."),
							errhint("Run first: DROP SUBSCRIPTION %s;",
									quote_identifier(NameStr(subscription->subname)))));
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
}

static void
require_nothing_foreign(const Reset *reset)
{
	if (reset->nforeign == 0)
		return;
	if (reset->nforeign > MAX_LISTED)
		appendStringInfo(reset->foreign, "\nand " INT64_FORMAT " more",
						 reset->nforeign - MAX_LISTED);
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("must be owner of all that dbm_reset would drop"),
					errdetail_internal("%s", reset->foreign->data),
					errhint("Have the owner drop them, or a superuser call dbm_reset.")));
}

/* The server advises CASCADE, which nobody here can say. */
static void
advise(void *argument)
{
	if (geterrcode() == ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST)
		errhint("Nothing was dropped.  What stays behind a reset depends on these objects, such as "
				"temporary objects of other sessions: drop that first.");
}

static void
drop_all(const Reset *reset)
{
	ErrorContextCallback advice = {.callback = advise, .previous = error_context_stack};

	error_context_stack = &advice;
	performMultipleDeletions(reset->objects, DROP_RESTRICT, 0);
	error_context_stack = advice.previous;
	CommandCounterIncrement();
}

int64
dbm_reset_objects(Oid run_as)
{
	Reset reset = {
		.run_as = run_as, .objects = new_object_addresses(), .foreign = makeStringInfo()};
	Relation depend = table_open(DependRelationId, AccessShareLock);

	require_no_subscription();
	for (int at = 0; at < lengthof(catalogs); at++)
		collect(&reset, depend, &catalogs[at]);
	table_close(depend, AccessShareLock);
	require_nothing_foreign(&reset);
	if (reset.count > 0)
		drop_all(&reset);
	free_object_addresses(reset.objects);
	return reset.count;
}
