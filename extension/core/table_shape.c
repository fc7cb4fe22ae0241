/*
 * core/table_shape.c: compare a table with its description
 *
 * A trigger that returns NULL, a rule that does something else instead or a
 * column with another type would make rows vanish or lie without an error, so
 * what is not as made is not used at all.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "rewrite/prs2lock.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/reltrigger.h"
#include "utils/syscache.h"

#include "core/errors.h"
#include "core/installed.h"
#include "core/table_shape.h"

#define PROTECTIVE_TRIGGERS 2
#define PROTECTIVE_FUNCTION "_dbm_refuse_write"

/* Oids of the relations found as made since the last invalidation. */
static HTAB *verified = NULL;

/* Counts invalidations, so that one which arrives while we compare is not lost. */
static uint64 invalidations = 0;

static char *
compare_columns(const DbmTable *table, TupleDesc descriptor)
{
	if (descriptor->natts != table->ncolumns)
		return psprintf("it has %d columns, not %d", descriptor->natts, table->ncolumns);
	for (int at = 0; at < table->ncolumns; at++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, at);

		if (attribute->attisdropped || attribute->atttypid != table->columns[at].type ||
			strcmp(NameStr(attribute->attname), table->columns[at].name) != 0)
			return psprintf("column %d is not \"%s\" of type %s", at + 1, table->columns[at].name,
							format_type_be(table->columns[at].type));
	}
	return NULL;
}

/* One of the two: for rows written, or before TRUNCATE; fires always and whatever the row. */
static bool
is_protective(const Trigger *trigger, int16 type)
{
	char *function = get_func_name(trigger->tgfoid);

	return trigger->tgtype == type && trigger->tgenabled == TRIGGER_FIRES_ALWAYS &&
		   trigger->tgqual == NULL && trigger->tgnattr == 0 && function &&
		   strcmp(function, PROTECTIVE_FUNCTION) == 0 &&
		   get_func_namespace(trigger->tgfoid) == dbm_tables_namespace();
}

static char *
compare_triggers(Relation relation)
{
	static const int16 types[PROTECTIVE_TRIGGERS] = {
		TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE |
			TRIGGER_TYPE_DELETE,
		TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_TRUNCATE,
	};
	/* a copy: looking up the functions may rebuild the relation's own */
	TriggerDesc *triggers = CopyTriggerDesc(relation->trigdesc);

	if (triggers == NULL || triggers->numtriggers != PROTECTIVE_TRIGGERS)
		return psprintf("it has %d triggers, not %d", triggers ? triggers->numtriggers : 0,
						PROTECTIVE_TRIGGERS);
	/* the relation cache keeps triggers in the order of their names */
	for (int at = 0; at < PROTECTIVE_TRIGGERS; at++)
	{
		if (!is_protective(&triggers->triggers[at], types[at]))
			return psprintf("trigger \"%s\" is not as made", triggers->triggers[at].tgname);
	}
	return NULL;
}

static char *
compare_indexes(const DbmTable *table, Relation relation)
{
	List *indexes = RelationGetIndexList(relation);
	bool has_primary_key = false;
	ListCell *cell;

	foreach (cell, indexes)
	{
		Oid oid = lfirst_oid(cell);
		HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(oid));
		Form_pg_index index;
		bool sound;

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for index %u", oid);
		index = (Form_pg_index) GETSTRUCT(tuple);
		sound = index->indisvalid && index->indisready && index->indislive &&
				heap_attisnull(tuple, Anum_pg_index_indexprs, NULL) &&
				heap_attisnull(tuple, Anum_pg_index_indpred, NULL);
		if (index->indisprimary && strcmp(get_rel_name(oid), table->primary_key) == 0)
			has_primary_key = true;
		ReleaseSysCache(tuple);
		if (!sound)
			return psprintf("index \"%s\" is not as made", get_rel_name(oid));
	}
	return has_primary_key ? NULL
						   : psprintf("its primary key \"%s\" is missing", table->primary_key);
}

/* Anybody but the owner may read at most. */
static char *
compare_privileges(Relation relation)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(RelationGetRelid(relation)));
	bool is_null;
	Datum datum;
	char *difference = NULL;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", RelationGetRelid(relation));
	datum = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relacl, &is_null);
	if (!is_null)
	{
		Acl *acl = DatumGetAclP(datum);
		AclItem *items = ACL_DAT(acl);

		for (int at = 0; at < ACL_NUM(acl); at++)
		{
			if (items[at].ai_grantee != relation->rd_rel->relowner &&
				(ACLITEM_GET_PRIVS(items[at]) & ~ACL_SELECT) != 0)
				difference = psprintf("role \"%s\" has been granted more than SELECT on it",
									  items[at].ai_grantee == ACL_ID_PUBLIC
										  ? "public"
										  : GetUserNameFromId(items[at].ai_grantee, true));
		}
	}
	ReleaseSysCache(tuple);
	return difference;
}

static char *
compare_relation(Relation relation)
{
	if (relation->rd_rel->relkind != RELKIND_RELATION || relation->rd_rel->relispartition ||
		relation->rd_rel->relam != HEAP_TABLE_AM_OID)
		return pstrdup("it is not a plain table");
	if (relation->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT)
		return pstrdup("it is not logged");
	/* relhasrules stays when the last rule has gone */
	if (relation->rd_rules && relation->rd_rules->numLocks > 0)
		return pstrdup("it has rules");
	if (relation->rd_rel->relrowsecurity || relation->rd_rel->relforcerowsecurity)
		return pstrdup("it has row security");
	/* so does relhassubclass when the last child has */
	if (relation->rd_rel->relhassubclass &&
		find_inheritance_children(RelationGetRelid(relation), NoLock) != NIL)
		return pstrdup("it has inheritance children");
	if (relation->rd_rel->relowner != dbm_extension_owner())
		return pstrdup("its owner is not the owner of the extension");
	return NULL;
}

static char *
find_difference(const DbmTable *table, Relation relation)
{
	char *difference = compare_relation(relation);

	if (difference == NULL)
		difference = compare_columns(table, RelationGetDescr(relation));
	if (difference == NULL)
		difference = compare_triggers(relation);
	if (difference == NULL)
		difference = compare_indexes(table, relation);
	if (difference == NULL)
		difference = compare_privileges(relation);
	return difference;
}

char *
dbm_table_difference(const DbmTable *table)
{
	Oid oid = dbm_table_oid(table);
	Relation relation;
	char *difference;

	if (!OidIsValid(oid))
		return pstrdup("it does not exist");
	relation = table_open(oid, AccessShareLock);
	difference = find_difference(table, relation);
	table_close(relation, AccessShareLock);
	return difference;
}

void
dbm_shape_require(const DbmTable *table, Relation relation)
{
	Oid oid = RelationGetRelid(relation);
	uint64 invalidations_before = invalidations;
	char *difference;

	if (verified && hash_search(verified, &oid, HASH_FIND, NULL))
		return;
	difference = find_difference(table, relation);
	if (difference)
		ereport(ERROR, (errcode(ERRCODE_DBM_TABLE_ALTERED),
						errmsg("table \"dbmaestro.%s\" is not as dbmaestro made it", table->name),
						errdetail("Its shape differs: %s.", difference),
						errhint("Run: SELECT * FROM dbm_doctor(); and put the table back before "
								"anything is recorded in it.")));
	if (verified == NULL)
	{
		HASHCTL control = {
			.keysize = sizeof(Oid), .entrysize = sizeof(Oid), .hcxt = CacheMemoryContext};

		verified = hash_create("dbmaestro verified tables", 32, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	if (invalidations == invalidations_before)
		hash_search(verified, &oid, HASH_ENTER, NULL);
}

static void
forget_relation(Datum argument, Oid relation)
{
	HASH_SEQ_STATUS status;
	Oid *entry;

	invalidations++;
	if (verified == NULL)
		return;
	if (OidIsValid(relation))
	{
		hash_search(verified, &relation, HASH_REMOVE, NULL);
		return;
	}
	hash_seq_init(&status, verified);
	while ((entry = hash_seq_search(&status)) != NULL)
		hash_search(verified, entry, HASH_REMOVE, NULL);
}

void
dbm_shape_init(void)
{
	CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
}
