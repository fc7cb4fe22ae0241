/*
 * schema/rows.c: catalog look-ups that keep their scans open
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
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
#include "catalog/pg_publication_rel.h"
#include "catalog/pg_range.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_sequence.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_transform.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_config_map.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_ts_parser.h"
#include "catalog/pg_ts_template.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "schema/rows.h"

typedef struct SourceDefinition
{
	Oid catalog;
	Oid index;
	int nkeys;
} SourceDefinition;

static const SourceDefinition sources[DBM_SOURCES] = {
	[DBM_NAMESPACE_BY_OID] = {NamespaceRelationId, NamespaceOidIndexId, 1},
	[DBM_CLASS_BY_OID] = {RelationRelationId, ClassOidIndexId, 1},
	[DBM_PROC_BY_OID] = {ProcedureRelationId, ProcedureOidIndexId, 1},
	[DBM_TYPE_BY_OID] = {TypeRelationId, TypeOidIndexId, 1},
	[DBM_EXTENSION_BY_OID] = {ExtensionRelationId, ExtensionOidIndexId, 1},
	[DBM_EVENT_TRIGGER_BY_OID] = {EventTriggerRelationId, EventTriggerOidIndexId, 1},
	[DBM_DEFAULT_ACL_BY_OID] = {DefaultAclRelationId, DefaultAclOidIndexId, 1},
	[DBM_TRIGGER_BY_OID] = {TriggerRelationId, TriggerOidIndexId, 1},
	[DBM_OPERATOR_BY_OID] = {OperatorRelationId, OperatorOidIndexId, 1},
	[DBM_OPCLASS_BY_OID] = {OperatorClassRelationId, OpclassOidIndexId, 1},
	[DBM_OPFAMILY_BY_OID] = {OperatorFamilyRelationId, OpfamilyOidIndexId, 1},
	[DBM_AMOP_BY_OID] = {AccessMethodOperatorRelationId, AccessMethodOperatorOidIndexId, 1},
	[DBM_AMPROC_BY_OID] = {AccessMethodProcedureRelationId, AccessMethodProcedureOidIndexId, 1},
	[DBM_ACCESS_METHOD_BY_OID] = {AccessMethodRelationId, AmOidIndexId, 1},
	[DBM_LANGUAGE_BY_OID] = {LanguageRelationId, LanguageOidIndexId, 1},
	[DBM_CAST_BY_OID] = {CastRelationId, CastOidIndexId, 1},
	[DBM_TRANSFORM_BY_OID] = {TransformRelationId, TransformOidIndexId, 1},
	[DBM_COLLATION_BY_OID] = {CollationRelationId, CollationOidIndexId, 1},
	[DBM_CONVERSION_BY_OID] = {ConversionRelationId, ConversionOidIndexId, 1},
	[DBM_TS_CONFIG_BY_OID] = {TSConfigRelationId, TSConfigOidIndexId, 1},
	[DBM_TS_DICT_BY_OID] = {TSDictionaryRelationId, TSDictionaryOidIndexId, 1},
	[DBM_TS_TEMPLATE_BY_OID] = {TSTemplateRelationId, TSTemplateOidIndexId, 1},
	[DBM_TS_PARSER_BY_OID] = {TSParserRelationId, TSParserOidIndexId, 1},
	[DBM_FOREIGN_WRAPPER_BY_OID] = {ForeignDataWrapperRelationId, ForeignDataWrapperOidIndexId, 1},
	[DBM_SERVER_BY_OID] = {ForeignServerRelationId, ForeignServerOidIndexId, 1},
	[DBM_USER_MAPPING_BY_OID] = {UserMappingRelationId, UserMappingOidIndexId, 1},
	[DBM_PUBLICATION_BY_OID] = {PublicationRelationId, PublicationObjectIndexId, 1},
	[DBM_SUBSCRIPTION_BY_OID] = {SubscriptionRelationId, SubscriptionObjectIndexId, 1},
	[DBM_ATTRIBUTE_OF_RELATION] = {AttributeRelationId, AttributeRelidNumIndexId, 1},
	[DBM_ATTRDEF_OF_RELATION] = {AttrDefaultRelationId, AttrDefaultIndexId, 1},
	[DBM_CONSTRAINT_OF_RELATION] = {ConstraintRelationId, ConstraintRelidTypidNameIndexId, 1},
	[DBM_INDEX_OF_RELATION] = {IndexRelationId, IndexIndrelidIndexId, 1},
	[DBM_INHERITS_OF_RELATION] = {InheritsRelationId, InheritsRelidSeqnoIndexId, 1},
	[DBM_PARTITIONED_BY_RELATION] = {PartitionedRelationId, PartitionedRelidIndexId, 1},
	[DBM_TRIGGER_OF_RELATION] = {TriggerRelationId, TriggerRelidNameIndexId, 1},
	[DBM_REWRITE_OF_RELATION] = {RewriteRelationId, RewriteRelRulenameIndexId, 1},
	[DBM_POLICY_OF_RELATION] = {PolicyRelationId, PolicyPolrelidPolnameIndexId, 1},
	[DBM_SEQUENCE_BY_RELATION] = {SequenceRelationId, SequenceRelidIndexId, 1},
	[DBM_STATISTIC_OF_RELATION] = {StatisticExtRelationId, StatisticExtRelidIndexId, 1},
	[DBM_FOREIGN_TABLE_BY_RELATION] = {ForeignTableRelationId, ForeignTableRelidIndexId, 1},
	[DBM_CONSTRAINT_OF_DOMAIN] = {ConstraintRelationId, ConstraintTypidIndexId, 1},
	[DBM_ENUM_OF_TYPE] = {EnumRelationId, EnumTypIdSortOrderIndexId, 1},
	[DBM_RANGE_BY_TYPE] = {RangeRelationId, RangeTypidIndexId, 1},
	[DBM_AGGREGATE_BY_PROC] = {AggregateRelationId, AggregateFnoidIndexId, 1},
	[DBM_TS_CONFIG_MAP_OF_CONFIG] = {TSConfigMapRelationId, TSConfigMapIndexId, 1},
	[DBM_PUBLICATION_REL_OF_PUBLICATION] = {PublicationRelRelationId, PublicationRelPrpubidIndexId,
											1},
	[DBM_DESCRIPTION_OF_OBJECT] = {DescriptionRelationId, DescriptionObjIndexId, 2},
	[DBM_LABEL_OF_OBJECT] = {SecLabelRelationId, SecLabelObjectIndexId, 2},
	[DBM_DEPEND_OF_OBJECT] = {DependRelationId, DependDependerIndexId, 2},
	[DBM_DEPEND_ON_OBJECT] = {DependRelationId, DependReferenceIndexId, 2},
};

struct DbmReader
{
	Snapshot snapshot;
	MemoryContext memory;
	DbmRows rows[DBM_SOURCES];
};

DbmReader *
dbm_reader_begin(Snapshot snapshot)
{
	DbmReader *reader = palloc0(sizeof(DbmReader));

	reader->snapshot = snapshot;
	reader->memory = CurrentMemoryContext;
	return reader;
}

Snapshot
dbm_reader_snapshot(DbmReader *reader)
{
	return reader->snapshot;
}

static void
open_source(DbmReader *reader, DbmSource source)
{
	const SourceDefinition *definition = &sources[source];
	DbmRows *rows = &reader->rows[source];
	MemoryContext caller = MemoryContextSwitchTo(reader->memory);

	rows->memory = reader->memory;
	rows->catalog = table_open(definition->catalog, AccessShareLock);
	if (RelationGetNumberOfBlocks(rows->catalog) > 0)
	{
		rows->index = index_open(definition->index, AccessShareLock);
		rows->slot = table_slot_create(rows->catalog, NULL);
		rows->scan = dbm_index_beginscan(rows->catalog, rows->index, reader->snapshot,
										 definition->nkeys);
	}
	MemoryContextSwitchTo(caller);
}

void
dbm_reader_end(DbmReader *reader)
{
	for (int source = 0; source < DBM_SOURCES; source++)
	{
		DbmRows *rows = &reader->rows[source];

		if (rows->catalog == NULL)
			continue;
		if (rows->index)
		{
			ExecDropSingleTupleTableSlot(rows->slot);
			index_endscan(rows->scan);
			index_close(rows->index, AccessShareLock);
		}
		table_close(rows->catalog, AccessShareLock);
	}
	pfree(reader);
}

static DbmRows *
start_scan(DbmReader *reader, DbmSource source, int nkeys, Oid first, Oid second)
{
	DbmRows *rows = &reader->rows[source];
	ScanKeyData keys[2];
	MemoryContext caller;

	if (rows->catalog == NULL)
		open_source(reader, source);
	if (rows->busy || nkeys != sources[source].nkeys)
		elog(ERROR, "catalog source %d is misused", source);
	rows->busy = true;
	if (rows->index == NULL)
		return rows;
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(first));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(second));
	caller = MemoryContextSwitchTo(rows->memory);
	index_rescan(rows->scan, keys, nkeys, NULL, 0);
	MemoryContextSwitchTo(caller);
	return rows;
}

DbmRows *
dbm_rows(DbmReader *reader, DbmSource source, Oid key)
{
	return start_scan(reader, source, 1, key, InvalidOid);
}

DbmRows *
dbm_rows_pair(DbmReader *reader, DbmSource source, Oid first, Oid second)
{
	return start_scan(reader, source, 2, first, second);
}

HeapTuple
dbm_rows_next(DbmRows *rows)
{
	bool found = false;

	if (rows->index)
	{
		MemoryContext caller = MemoryContextSwitchTo(rows->memory);

		found = index_getnext_slot(rows->scan, ForwardScanDirection, rows->slot);
		MemoryContextSwitchTo(caller);
	}
	if (found)
		return ExecFetchSlotHeapTuple(rows->slot, false, NULL);
	rows->busy = false;
	return NULL;
}

void
dbm_rows_stop(DbmRows *rows)
{
	rows->busy = false;
}

Datum
dbm_rows_value(DbmRows *rows, AttrNumber column, bool *is_null)
{
	return slot_getattr(rows->slot, column, is_null);
}

char *
dbm_rows_text(DbmRows *rows, AttrNumber column)
{
	bool is_null;
	Datum value = slot_getattr(rows->slot, column, &is_null);

	return is_null ? NULL : TextDatumGetCString(value);
}

typedef struct KeptRow
{
	Oid key;					/* hash key, first */
	HeapTuple tuple;
} KeptRow;

static void
keep_row(DbmRows *rows, HeapTuple tuple, MemoryContext memory)
{
	Oid key = *(Oid *) GETSTRUCT(tuple);
	KeptRow *row;
	MemoryContext caller;

	if (key < FirstNormalObjectId)
		return;
	caller = MemoryContextSwitchTo(memory);
	row = hash_search(rows->kept, &key, HASH_ENTER, NULL);
	row->tuple = heap_copytuple(tuple);
	MemoryContextSwitchTo(caller);
}

void
dbm_rows_keep(DbmReader *reader, DbmSource source, bool (*wanted)(HeapTuple tuple))
{
	DbmRows *rows = &reader->rows[source];
	HASHCTL control = {
		.keysize = sizeof(Oid), .entrysize = sizeof(KeptRow), .hcxt = reader->memory};
	MemoryContext memory;
	TableScanDesc scan;
	HeapTuple tuple;

	if (rows->catalog == NULL)
		open_source(reader, source);
	if (rows->index == NULL)
		return;
	/* tens of thousands of rows, each a little more than a power of two */
	memory = GenerationContextCreate(reader->memory, "dbmaestro kept rows", ALLOCSET_DEFAULT_SIZES);
	rows->kept = hash_create("dbmaestro kept rows", 256, &control,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	scan = table_beginscan_strat(rows->catalog, reader->snapshot, 0, NULL, true, false);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		CHECK_FOR_INTERRUPTS();
		if (wanted == NULL || wanted(tuple))
			keep_row(rows, tuple, memory);
	}
	table_endscan(scan);
}

static HeapTuple
find_kept(DbmRows *rows, Oid key)
{
	KeptRow *row = rows->kept ? hash_search(rows->kept, &key, HASH_FIND, NULL) : NULL;

	return row ? row->tuple : NULL;
}

static HeapTuple
copy_row(DbmReader *reader, DbmSource source, Oid key)
{
	DbmRows *rows = dbm_rows(reader, source, key);
	HeapTuple tuple = dbm_rows_next(rows);

	if (tuple == NULL)
		return NULL;
	tuple = heap_copytuple(tuple);
	dbm_rows_stop(rows);
	return tuple;
}

HeapTuple
dbm_row_copied(DbmReader *reader, DbmSource source, Oid key, TupleDesc *descriptor)
{
	HeapTuple tuple = find_kept(&reader->rows[source], key);

	if (tuple == NULL)
		tuple = copy_row(reader, source, key);
	if (descriptor)
		*descriptor = dbm_source_descriptor(reader, source);
	return tuple;
}

TupleDesc
dbm_source_descriptor(DbmReader *reader, DbmSource source)
{
	if (reader->rows[source].catalog == NULL)
		open_source(reader, source);
	return RelationGetDescr(reader->rows[source].catalog);
}

Datum
dbm_tuple_value(HeapTuple tuple, TupleDesc descriptor, AttrNumber column, bool *is_null)
{
	return heap_getattr(tuple, column, descriptor, is_null);
}

char *
dbm_tuple_text(HeapTuple tuple, TupleDesc descriptor, AttrNumber column)
{
	bool is_null;
	Datum value = heap_getattr(tuple, column, descriptor, &is_null);

	return is_null ? NULL : TextDatumGetCString(value);
}

Datum
dbm_tuple_datum(HeapTuple tuple, TupleDesc descriptor, AttrNumber column)
{
	bool is_null;
	Datum value = heap_getattr(tuple, column, descriptor, &is_null);

	if (is_null)
		elog(ERROR, "unexpected null in column %d of a catalog", column);
	return value;
}

int
dbm_statistics_target(HeapTuple tuple, TupleDesc descriptor, AttrNumber column)
{
	bool is_null;
	Datum value = heap_getattr(tuple, column, descriptor, &is_null);

	if (is_null)
		return -1;
	return TupleDescAttr(descriptor, column - 1)->atttypid == INT2OID ? DatumGetInt16(value)
																	  : DatumGetInt32(value);
}
