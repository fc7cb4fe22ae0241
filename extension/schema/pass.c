/*
 * schema/pass.c: describing units under pinned settings, hashing objects
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "core/installed.h"
#include "schema/adorned.h"
#include "schema/deparse.h"
#include "schema/kinds.h"
#include "schema/names.h"
#include "schema/pass.h"

struct DbmPass
{
	DbmReader *reader;
	DbmReceiver *receiver;
	DbmDraft draft;
	StringInfoData body;
	pg_cryptohash_ctx *digest;
	MemoryContext memory;		/* as long as the pass */
	MemoryContext scratch;		/* as long as one unit */
	MemoryContext caller_memory;
	ResourceOwner owner;
	ResourceOwner caller_owner;
	DbmAdorned *adorned;
	Oid own_extension;
	int settings_level;
	bool labels;
	HTAB *arrays;				/* array types by their element types, NULL: ask the server */
	bool everything;			/* with what was read of adornments under the same snapshot */
};

/* Everything that was found to change what the deparser writes. */
static const struct
{
	const char *name;
	const char *value;
} pinned_settings[] = {
	/* pg_temp last, or a temporary table named pg_class would get between */
	{"search_path", "pg_catalog, pg_temp"},
	{"TimeZone", "UTC"},
	{"DateStyle", "ISO, YMD"},
	{"IntervalStyle", "postgres"},
	{"bytea_output", "hex"},
	{"extra_float_digits", "3"},
	{"standard_conforming_strings", "on"},
	{"quote_all_identifiers", "off"},
	{"lc_monetary", "C"},
};

static int
pin_settings(void)
{
	int level = NewGUCNestLevel();

	for (int at = 0; at < lengthof(pinned_settings); at++)
		(void) set_config_option(pinned_settings[at].name, pinned_settings[at].value, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/* The resource owner frees the context when an error ends the pass. */
static void
make_digest(DbmPass *pass)
{
	pass->digest = pg_cryptohash_create(PG_SHA256);
	if (pass->digest == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
}

static bool
catalog_has_rows(Oid catalog, Snapshot snapshot)
{
	Relation relation = table_open(catalog, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, snapshot, 0, NULL);
	bool found = HeapTupleIsValid(systable_getnext(scan));

	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

DbmPass *
dbm_pass_begin(Snapshot snapshot, DbmReceiver *receiver, DbmAdorned *adorned)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "dbmaestro schema pass",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(memory);
	DbmPass *pass = palloc0(sizeof(DbmPass));

	pass->memory = memory;
	pass->caller_memory = caller;
	pass->receiver = receiver;
	pass->adorned = adorned;
	pass->own_extension = dbm_extension_oid();

	/*
	 * Deparsing a view locks what it reads.  Under an owner of its own these
	 * locks end with the pass, not with the transaction.
	 */
	pass->caller_owner = CurrentResourceOwner;
	pass->owner = ResourceOwnerCreate(CurrentResourceOwner, "dbmaestro schema pass");
	CurrentResourceOwner = pass->owner;

	make_digest(pass);
	initStringInfo(&pass->body);
	pass->scratch = AllocSetContextCreate(memory, "dbmaestro schema unit", ALLOCSET_DEFAULT_SIZES);
	pass->settings_level = pin_settings();
	PushActiveSnapshot(snapshot);
	pass->reader = dbm_reader_begin(snapshot);
	pass->labels = catalog_has_rows(SecLabelRelationId, snapshot);
	MemoryContextSwitchTo(pass->scratch);
	return pass;
}

void
dbm_pass_end(DbmPass *pass)
{
	ResourceOwner owner = pass->owner;

	MemoryContextSwitchTo(pass->memory);
	dbm_reader_end(pass->reader);
	pg_cryptohash_free(pass->digest);
	PopActiveSnapshot();
	AtEOXact_GUC(false, pass->settings_level);

	CurrentResourceOwner = pass->caller_owner;
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_BEFORE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_AFTER_LOCKS, false, false);
	ResourceOwnerDelete(owner);

	MemoryContextSwitchTo(pass->caller_memory);
	MemoryContextDelete(pass->memory);
}

/* ---- units ---- */

static void
describe(DbmPass *pass, const DbmUnitClass *class, HeapTuple tuple, TupleDesc descriptor)
{
	/* the first column of every catalog of units is its oid */
	DbmUnitKey unit = {class->catalog, *(Oid *) GETSTRUCT(tuple)};

	CHECK_FOR_INTERRUPTS();
	if (pass->receiver->unit_begin)
		pass->receiver->unit_begin(pass->receiver, unit);
	(void) dbm_deparse_hidden();
	class->describe(pass, tuple, descriptor);
	if (dbm_deparse_hidden() && pass->receiver->hidden)
		pass->receiver->hidden(pass->receiver);
	if (pass->receiver->unit_end)
		pass->receiver->unit_end(pass->receiver);
	MemoryContextReset(pass->scratch);
}

/* Most rows are the server's own: told from others without the work that a unit is. */
static bool
of_user_schema(DbmPass *pass, const DbmUnitClass *class, HeapTuple tuple)
{
	return class->schema_at == 0 ||
		   dbm_user_schema(pass, *(Oid *) ((char *) GETSTRUCT(tuple) + class->schema_at));
}

static void
describe_class(DbmPass *pass, const DbmUnitClass *class)
{
	Relation relation = table_open(class->catalog, AccessShareLock);
	TableScanDesc scan;
	HeapTuple tuple;
	MemoryContext scratch = MemoryContextSwitchTo(pass->memory);

	/* a systable scan would put every row into a slot and take it out again */
	scan = table_beginscan_strat(relation, dbm_reader_snapshot(pass->reader), 0, NULL, true, false);
	MemoryContextSwitchTo(scratch);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		CHECK_FOR_INTERRUPTS();
		if (of_user_schema(pass, class, tuple))
			describe(pass, class, tuple, RelationGetDescr(relation));
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
}

/* Indexes and TOAST tables, which are described along with their table. */
static bool
is_part_of_table(HeapTuple tuple)
{
	Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

	if (form->relnamespace == PG_TOAST_NAMESPACE)
		return form->relkind == RELKIND_TOASTVALUE;
	return form->relkind == RELKIND_INDEX || form->relkind == RELKIND_PARTITIONED_INDEX;
}

typedef struct ArrayOf
{
	Oid type;					/* hash key, first */
	Oid array;
} ArrayOf;

static void
read_arrays(DbmPass *pass)
{
	HASHCTL control = {.keysize = sizeof(Oid), .entrysize = sizeof(ArrayOf), .hcxt = pass->memory};
	Relation relation = table_open(TypeRelationId, AccessShareLock);
	TableScanDesc scan = table_beginscan_strat(relation, dbm_reader_snapshot(pass->reader), 0, NULL,
											   true, false);
	HeapTuple tuple;

	pass->arrays = hash_create("dbmaestro array types", 256, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_type form = (Form_pg_type) GETSTRUCT(tuple);
		ArrayOf *entry;

		if (!OidIsValid(form->typarray) || form->oid < FirstNormalObjectId)
			continue;
		entry = hash_search(pass->arrays, &form->oid, HASH_ENTER, NULL);
		entry->array = form->typarray;
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
}

/* What would be asked for once for each table is read at once. */
static void
keep_rows(DbmPass *pass)
{
	dbm_rows_keep(pass->reader, DBM_CLASS_BY_OID, is_part_of_table);
	dbm_rows_keep(pass->reader, DBM_SEQUENCE_BY_RELATION, NULL);
	read_arrays(pass);
}

Oid
dbm_array_type(DbmPass *pass, Oid type)
{
	ArrayOf *found = pass->arrays ? hash_search(pass->arrays, &type, HASH_FIND, NULL) : NULL;

	return found ? found->array : get_array_type(type);
}

void
dbm_pass_all(DbmPass *pass)
{
	keep_rows(pass);
	pass->everything = true;
	for (int at = 0; at < dbm_unit_class_count; at++)
		describe_class(pass, &dbm_unit_classes[at]);
	pass->everything = false;
}

void
dbm_pass_unit(DbmPass *pass, DbmUnitKey unit)
{
	const DbmUnitClass *class = dbm_unit_class(unit.classid);
	TupleDesc descriptor;
	HeapTuple tuple;

	if (class == NULL)
		return;
	tuple = dbm_row_copied(pass->reader, class->by_oid, unit.objid, &descriptor);
	if (tuple)
		describe(pass, class, tuple, descriptor);
}

/* ---- objects ---- */

static void
digest_field(DbmPass *pass, const void *bytes, size_t length)
{
	uint64 prefix = pg_hton64((uint64) length);

	if (pg_cryptohash_update(pass->digest, (const uint8 *) &prefix, sizeof(prefix)) < 0 ||
		pg_cryptohash_update(pass->digest, bytes, length) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(pass->digest));
}

static void
digest_begin(DbmPass *pass)
{
	if (pg_cryptohash_init(pass->digest) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(pass->digest));
}

static void
digest_end(DbmPass *pass, uint8 *result)
{
	if (pg_cryptohash_final(pass->digest, result, DBM_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(pass->digest));
}

/*
 * Any function will do that gives the same on every machine; it hangs on the
 * identity alone, so a changed object stays in its bucket (FNV-1a, folded).
 */
int
dbm_bucket_of(const char *identity)
{
	uint64 hash = UINT64CONST(0xcbf29ce484222325);

	for (const char *at = identity; *at; at++)
		hash = (hash ^ (uint8) *at) * UINT64CONST(0x100000001b3);
	return (hash ^ (hash >> 32)) % DBM_BUCKETS;
}

DbmDraft *
dbm_draft_begin(DbmPass *pass, const char *kind, const char *identity)
{
	DbmDraft *draft = &pass->draft;

	Assert(draft->kind == NULL);
	resetStringInfo(&pass->body);
	draft->kind = kind;
	draft->identity = identity;
	draft->body = &pass->body;
	draft->extra = false;
	return draft;
}

void
dbm_draft_end(DbmPass *pass, DbmDraft *draft)
{
	digest_begin(pass);
	digest_field(pass, DBM_SCHEMA_FORMAT, strlen(DBM_SCHEMA_FORMAT));
	digest_field(pass, draft->kind, strlen(draft->kind));
	digest_field(pass, draft->identity, strlen(draft->identity));
	digest_field(pass, draft->body->data, draft->body->len);
	digest_end(pass, draft->hash);
	draft->bucket = dbm_bucket_of(draft->identity);

	if (pass->receiver->object)
		pass->receiver->object(pass->receiver, draft);
	draft->kind = NULL;
}

void
dbm_pass_member(DbmPass *pass, Oid classid, Oid objid)
{
	DbmUnitKey member = {classid, objid};

	if (pass->receiver->member)
		pass->receiver->member(pass->receiver, member);
}

void
dbm_pass_names(DbmPass *pass, const char *names, int length)
{
	if (pass->receiver->names)
		pass->receiver->names(pass->receiver, names, length);
}

static bool
has_dependency(DbmPass *pass, Oid classid, Oid objid, char deptype)
{
	DbmRows *rows = dbm_rows_pair(pass->reader, DBM_DEPEND_OF_OBJECT, classid, objid);
	HeapTuple tuple;

	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		if (((Form_pg_depend) GETSTRUCT(tuple))->deptype == deptype)
		{
			dbm_rows_stop(rows);
			return true;
		}
	}
	return false;
}

bool
dbm_extension_member(DbmPass *pass, Oid classid, Oid objid)
{
	if (pass->everything && objid >= FirstNormalObjectId)
		return dbm_adorned_has(pass->adorned, classid, objid, DBM_ADORNED_MEMBER);
	return dbm_pass_extension_possible(pass, classid, objid) &&
		   has_dependency(pass, classid, objid, DEPENDENCY_EXTENSION);
}

bool
dbm_pass_extension_possible(DbmPass *pass, Oid classid, Oid objid)
{
	return dbm_adorned_has(pass->adorned, classid, objid, DBM_ADORNED_EXTENSION);
}

bool
dbm_pass_comment_possible(DbmPass *pass, Oid classid, Oid objid)
{
	return dbm_adorned_has(pass->adorned, classid, objid, DBM_ADORNED_COMMENT);
}

bool
dbm_internal_part(DbmPass *pass, Oid classid, Oid objid)
{
	return has_dependency(pass, classid, objid, DEPENDENCY_INTERNAL);
}

DbmReceiver *
dbm_pass_receiver(DbmPass *pass)
{
	return pass->receiver;
}

DbmReader *
dbm_pass_reader(DbmPass *pass)
{
	return pass->reader;
}

bool
dbm_pass_has_labels(DbmPass *pass)
{
	return pass->labels;
}

Oid
dbm_pass_own_extension(DbmPass *pass)
{
	return pass->own_extension;
}

MemoryContext
dbm_pass_memory(DbmPass *pass)
{
	return pass->memory;
}
