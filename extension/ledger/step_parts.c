/*
 * ledger/step_parts.c: the statements that one which cannot run in a
 * transaction is made of
 *
 * The server refuses CREATE INDEX CONCURRENTLY on a partitioned table.  What
 * its manual advises instead is done here: an index of the partitioned table
 * alone, a concurrent build for each partition, and each of these attached.
 * Which index of a partition will do, and what a new one is called, is as the
 * server decides in DefineIndex.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "parser/parser.h"
#include "partitioning/partdesc.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "ledger/index_name.h"
#include "ledger/index_shape.h"
#include "ledger/index_source.h"
#include "ledger/index_state.h"
#include "ledger/inheritance.h"
#include "ledger/relation_name.h"
#include "ledger/step_parts.h"

/* The index of a partitioned table, on its way to become many statements. */
typedef struct Expansion
{
	const IndexStmt *statement;
	Oid table;
	DbmIndexShape *shape; /* by the columns of the table */
	const char *rest; /* of the source, behind the table */
	List *parts; /* of DbmStepPart * */
	List *taken; /* names that the parts will have made */
} Expansion;

/* The index that a partition has or will have. */
typedef struct PartIndex
{
	Oid index; /* InvalidOid: it is to be made, with that name */
	char *name; /* without schema */
	bool attached;
	bool build; /* a leaf: still to be built */
	bool rebuild; /* a leaf: cannot be dropped, so it is rebuilt in place */
} PartIndex;

static void
add_part(Expansion *expansion, bool single, const char *text)
{
	DbmStepPart *part = palloc(sizeof(DbmStepPart));

	part->single = single;
	part->text = text;
	expansion->parts = lappend(expansion->parts, part);
}

static void
add_create(Expansion *expansion, Oid table, const char *name, bool concurrently, bool only)
{
	DbmIndexSource source = {
		.concurrently = concurrently, .only = only, .name = name, .table = table};

	add_part(expansion, concurrently,
			 dbm_index_source_write(expansion->statement, &source, expansion->rest));
}

/* ---- which index will do for a partition ---- */

/* One that the server would take: fits, and is not part of another one. */
static bool
is_candidate(const Expansion *expansion, Oid index, Oid table)
{
	DbmIndexShape *shape;

	if (OidIsValid(dbm_inheritance_parent(index, NULL)))
		return false;
	shape = dbm_index_shape_found(index);
	return shape && dbm_index_shape_fits(expansion->shape, expansion->table, shape, table);
}

/*
 * The server takes the first that fits, valid or not, and with an invalid one
 * the whole stays invalid.  So a valid one goes first, and an invalid one is
 * what an earlier build has left: its name is used again.
 */
static void
look_for_index(const Expansion *expansion, Oid table, PartIndex *part)
{
	Oid invalid = InvalidOid;
	ListCell *cell;

	foreach (cell, dbm_index_list(table))
	{
		Oid index = lfirst_oid(cell);
		DbmIndexState state;

		if (!dbm_index_state(index, &state) || !is_candidate(expansion, index, table))
			continue;
		if (state.valid || state.kind == RELKIND_PARTITIONED_INDEX)
		{
			part->index = index;
			return;
		}
		if (!OidIsValid(invalid) && !state.held)
			invalid = index;
	}
	part->index = invalid;
	part->build = true;
}

/* The index of this table that is attached to that one, or InvalidOid. */
static Oid
find_attached(Oid table, Oid parent_index)
{
	ListCell *cell;

	if (!OidIsValid(parent_index))
		return InvalidOid;
	foreach (cell, dbm_index_list(table))
	{
		if (dbm_inheritance_parent(lfirst_oid(cell), NULL) == parent_index)
			return lfirst_oid(cell);
	}
	return InvalidOid;
}

static PartIndex
choose_index(Expansion *expansion, Oid table, Oid parent_index)
{
	PartIndex part = {.index = find_attached(table, parent_index)};
	DbmIndexState state;

	if (OidIsValid(part.index))
	{
		part.attached = true;
		part.rebuild = dbm_index_state(part.index, &state) && !state.valid &&
					   state.kind == RELKIND_INDEX;
	}
	else
		look_for_index(expansion, table, &part);
	if (OidIsValid(part.index))
		part.name = get_rel_name(part.index);
	if (part.name == NULL)
		part.name = dbm_index_name_free(table, expansion->statement, expansion->taken);
	expansion->taken = lappend(expansion->taken, dbm_index_name_text(table, part.name));
	return part;
}

/* ---- the partitions, in the server's order ---- */

/* Oids of the partitions in the order of their bounds; NIL if the table is gone. */
static List *
list_partitions(Oid table)
{
	Relation relation = try_relation_open(table, AccessShareLock);
	PartitionDesc partitions;
	List *oids = NIL;

	if (relation == NULL)
		return NIL;
	if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
	{
		partitions = RelationGetPartitionDesc(relation, true);
		for (int at = 0; at < partitions->nparts; at++)
			oids = lappend_oid(oids, partitions->oids[at]);
	}
	relation_close(relation, AccessShareLock);
	return oids;
}

static void
attach(Expansion *expansion, Oid parent, const char *parent_name, Oid table, const char *name)
{
	add_part(expansion, false,
			 psprintf("ALTER INDEX %s ATTACH PARTITION %s",
					  dbm_index_name_text(parent, parent_name), dbm_index_name_text(table, name)));
}

static void expand_partitions(Expansion *expansion, Oid table, Oid index, const char *name);

/* Does what is left for one partition of a table whose index has that name. */
static void
expand_partition(Expansion *expansion, Oid parent, Oid parent_index, const char *parent_name,
				 Oid table)
{
	char kind = get_rel_relkind(table);
	int before = list_length(expansion->parts);
	PartIndex part;

	if (kind == '\0' || kind == RELKIND_FOREIGN_TABLE)
		return;
	part = choose_index(expansion, table, parent_index);
	if (kind == RELKIND_PARTITIONED_TABLE)
	{
		if (!OidIsValid(part.index))
			add_create(expansion, table, part.name, false, true);
		expand_partitions(expansion, table, part.index, part.name);
	}
	else if (part.rebuild)
		add_part(expansion, true,
				 psprintf("REINDEX INDEX CONCURRENTLY %s", dbm_index_name_text(table, part.name)));
	else if (part.build)
		add_create(expansion, table, part.name, true, false);
	/* what was attached before counts as valid only when it is attached once more */
	if (!part.attached || list_length(expansion->parts) > before)
		attach(expansion, parent, parent_name, table, part.name);
}

static void
expand_partitions(Expansion *expansion, Oid table, Oid index, const char *name)
{
	int before = list_length(expansion->parts);
	DbmIndexState state;
	ListCell *cell;
	List *partitions = list_partitions(table);

	check_stack_depth();
	foreach (cell, partitions)
	{
		CHECK_FOR_INTERRUPTS();
		expand_partition(expansion, table, index, name, lfirst_oid(cell));
	}
	/* all attached but not valid: the partition that was missing has gone */
	if (list_length(expansion->parts) == before && OidIsValid(index) &&
		dbm_index_state(index, &state) && !state.valid)
	{
		List *attached = dbm_inheritance_children(index);

		if (attached != NIL && dbm_index_state(linitial_oid(attached), &state))
			attach(expansion, table, name, state.table, get_rel_name(linitial_oid(attached)));
	}
}

/* ---- foreign tables among the partitions ---- */

static bool
has_foreign(Oid table)
{
	ListCell *cell;

	foreach (cell, dbm_inheritance_tree(table))
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			return true;
	}
	return false;
}

/* Builds at the leaves; what is between them and the table comes with the whole. */
static void
expand_leaves(Expansion *expansion, Oid table)
{
	ListCell *cell;

	foreach (cell, list_partitions(table))
	{
		Oid partition = lfirst_oid(cell);
		char kind = get_rel_relkind(partition);
		PartIndex part;

		CHECK_FOR_INTERRUPTS();
		if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
			continue;
		part = choose_index(expansion, partition, InvalidOid);
		if (kind == RELKIND_RELATION && part.build)
			add_create(expansion, partition, part.name, true, false);
		else if (kind == RELKIND_PARTITIONED_TABLE && OidIsValid(part.index))
			expand_partitions(expansion, partition, part.index, part.name);
		else if (kind == RELKIND_PARTITIONED_TABLE)
			expand_leaves(expansion, partition);
	}
}

/*
 * An index of a partitioned table becomes valid when each partition has one
 * attached, which a foreign table never has.  Only CREATE INDEX of the whole
 * passes over it: it finds everything built and has nothing to wait for.
 */
static void
expand_around_foreign(Expansion *expansion, const char *name)
{
	DbmIndexSource source = {.name = name,
							 .table = expansion->table,
							 .if_not_exists = expansion->statement->if_not_exists};

	if (expansion->statement->unique)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("cannot create unique index on partitioned table \"%s\"",
							   get_rel_name(expansion->table)),
						errdetail("Table \"%s\" contains partitions that are foreign tables.",
								  get_rel_name(expansion->table)),
						errhint("Create unique indexes on those partitions that are not.")));
	expand_leaves(expansion, expansion->table);
	add_part(expansion, false,
			 dbm_index_source_write(expansion->statement, &source, expansion->rest));
}

/* ---- the whole ---- */

/*
 * The index of the partitioned table as it stands; *in_the_way: the name is
 * another relation's, and the server will say so to the first part.
 */
static Oid
find_index(const Expansion *expansion, const char *text, bool *in_the_way)
{
	const IndexStmt *statement = expansion->statement;
	DbmIndexShape *shape;
	DbmIndexState state;
	Oid index;

	*in_the_way = false;
	if (statement->idxname == NULL)
	{
		index = dbm_index_name_look(expansion->table, statement, text);
		return OidIsValid(index) && dbm_index_state(index, &state) && !state.valid ? index
																				   : InvalidOid;
	}
	index = get_relname_relid(statement->idxname, get_rel_namespace(expansion->table));
	if (!OidIsValid(index))
		return InvalidOid;
	shape = dbm_index_shape_found(index);
	*in_the_way = shape == NULL || !dbm_index_state(index, &state) ||
				  state.table != expansion->table ||
				  dbm_index_shape_difference(expansion->shape, shape) != NULL;
	return index;
}

static List *
expand(Oid table, const RawStmt *raw, const char *text)
{
	Expansion expansion = {.statement = castNode(IndexStmt, raw->stmt), .table = table};
	const IndexStmt *statement = expansion.statement;
	DbmIndexSource source = {
		.only = true, .if_not_exists = statement->if_not_exists, .table = table};
	bool in_the_way;
	Oid index;

	expansion.shape = dbm_index_shape_asked(table, statement, text);
	expansion.rest = dbm_index_source_rest(raw, text, table);
	index = find_index(&expansion, text, &in_the_way);
	source.name = OidIsValid(index) ? get_rel_name(index) : statement->idxname;
	if (source.name == NULL)
		source.name = dbm_index_name_free(table, statement, NIL);
	expansion.taken = list_make1(dbm_index_name_text(table, source.name));
	if (statement->relation->inh && !OidIsValid(index) && has_foreign(table))
	{
		expand_around_foreign(&expansion, source.name);
		return expansion.parts;
	}
	add_part(&expansion, false, dbm_index_source_write(statement, &source, expansion.rest));
	if (statement->relation->inh && !in_the_way)
		expand_partitions(&expansion, table, index, source.name);
	return expansion.parts;
}

/* The name that the server would choose, written out; or one that needs no more than repair. */
static List *
name_index(Oid table, const RawStmt *raw, const char *text)
{
	Expansion expansion = {.statement = castNode(IndexStmt, raw->stmt), .table = table};
	Oid index = dbm_index_name_look(table, expansion.statement, text);
	DbmIndexState state;
	char *name = NULL;

	if (OidIsValid(index) && dbm_index_state(index, &state) && !state.valid)
		name = get_rel_name(index);
	if (name == NULL)
		name = dbm_index_name_free(table, expansion.statement, NIL);
	expansion.rest = dbm_index_source_rest(raw, text, table);
	add_create(&expansion, table, name, true, false);
	return expansion.parts;
}

static List *
parts_of_create(const RawStmt *raw, const char *text)
{
	const IndexStmt *statement = castNode(IndexStmt, raw->stmt);
	Oid table;
	List *parts = NIL;

	if (!statement->concurrent)
		return NIL;
	table = dbm_relation_find(statement->relation);
	/* what is not there, or is temporary, the server has its own way with */
	if (!OidIsValid(table) || get_rel_persistence(table) == RELPERSISTENCE_TEMP)
		return NIL;
	LockRelationOid(table, AccessShareLock);
	if (get_rel_relkind(table) == RELKIND_PARTITIONED_TABLE)
		parts = expand(table, raw, text);
	else if (statement->idxname == NULL && (get_rel_relkind(table) == RELKIND_RELATION ||
											get_rel_relkind(table) == RELKIND_MATVIEW))
		parts = name_index(table, raw, text);
	UnlockRelationOid(table, AccessShareLock);
	return parts;
}

/*
 * When an index is dropped, its name may mean another one, further down the
 * search_path: that one must not be dropped by a run that goes on.
 */
static List *
parts_of_drop(const RawStmt *raw)
{
	const DropStmt *statement = castNode(DropStmt, raw->stmt);
	Expansion expansion = {0};
	const List *name;
	Oid index;

	if (statement->removeType != OBJECT_INDEX || !statement->concurrent ||
		list_length(statement->objects) != 1)
		return NIL;
	name = linitial_node(List, statement->objects);
	index = dbm_relation_find_list(name);
	if (get_rel_relkind(index) == RELKIND_PARTITIONED_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot drop partitioned index \"%s\" concurrently", get_rel_name(index)),
				 errdetail("The server can drop it only together with its partitions, "
						   "under locks on all of the tables."),
				 errhint("Write DROP INDEX without CONCURRENTLY.")));
	if (list_length(name) > 1 || get_rel_relkind(index) != RELKIND_INDEX)
		return NIL;
	add_part(&expansion, true,
			 psprintf("DROP INDEX CONCURRENTLY %s%s%s", statement->missing_ok ? "IF EXISTS " : "",
					  dbm_relation_text(index),
					  statement->behavior == DROP_CASCADE ? " CASCADE" : ""));
	return expansion.parts;
}

List *
dbm_step_parts(const RawStmt *statement, const char *text)
{
	AcceptInvalidationMessages();
	if (IsA(statement->stmt, IndexStmt))
		return parts_of_create(statement, text);
	if (IsA(statement->stmt, DropStmt))
		return parts_of_drop(statement);
	return NIL;
}

/* ---- the same once more ---- */

/* The name under which a part makes the index of this table itself, or NULL. */
static char *
named_by_part(const char *part, Oid table)
{
	List *parsed = raw_parser(part, RAW_PARSE_DEFAULT);
	const IndexStmt *index;

	if (list_length(parsed) != 1 || !IsA(linitial_node(RawStmt, parsed)->stmt, IndexStmt))
		return NULL;
	index = castNode(IndexStmt, linitial_node(RawStmt, parsed)->stmt);
	return !index->concurrent && dbm_relation_find(index->relation) == table ? index->idxname
																			 : NULL;
}

/* The statement with the name that was chosen for it when it began. */
static RawStmt *
with_name(const RawStmt *statement, const List *kept)
{
	RawStmt *named = copyObject(unconstify(RawStmt *, statement));
	IndexStmt *index = (IndexStmt *) named->stmt;
	Oid table;
	ListCell *cell;

	if (!IsA(index, IndexStmt) || index->idxname)
		return named;
	table = dbm_relation_find(index->relation);
	foreach (cell, kept)
	{
		if (OidIsValid(table) && index->idxname == NULL)
			index->idxname = named_by_part(lfirst(cell), table);
	}
	return named;
}

List *
dbm_step_parts_left(const RawStmt *statement, const char *text, const List *kept)
{
	return dbm_step_parts(with_name(statement, kept), text);
}

void
dbm_step_prove_whole(const RawStmt *statement, const char *text, const List *kept, DbmProof *proof)
{
	dbm_step_prove(with_name(statement, kept), text, proof);
}
