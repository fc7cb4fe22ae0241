/*
 * script/not_transactional.c: the statements that cannot run in a transaction
 *
 * From the callers of PreventInTransactionBlock in PostgreSQL 15 to 18, of
 * which test/250_not_transactional.pl has one test per row.  Those about
 * transactions themselves and DISCARD ALL are in refused.c: they never run.
 */
#include "postgres.h"

#include "commands/defrem.h"

#include "script/code.h"
#include "script/note.h"

typedef struct NotTransactional
{
	NodeTag tag;
	bool (*applies)(const Node *node); /* NULL: always */
	DbmNoteKind kind;
	const char *subject;
} NotTransactional;

/* The last option of this name: the server lets the last one win, too. */
static DefElem *
find_option(List *options, const char *name)
{
	DefElem *found = NULL;
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0)
			found = option;
	}
	return found;
}

static bool
option_is_on(List *options, const char *name, bool initial)
{
	DefElem *option = find_option(options, name);

	return option ? defGetBoolean(option) : initial;
}

static bool
index_is_concurrent(const Node *node)
{
	return ((const IndexStmt *) node)->concurrent;
}

static bool
drop_is_concurrent(const Node *node)
{
	return ((const DropStmt *) node)->concurrent;
}

static bool
reindex_is_concurrent(const Node *node)
{
	return option_is_on(((const ReindexStmt *) node)->params, "concurrently", false);
}

static bool
reindex_is_wide(const Node *node)
{
	ReindexObjectType kind = ((const ReindexStmt *) node)->kind;

	return kind == REINDEX_OBJECT_SCHEMA || kind == REINDEX_OBJECT_SYSTEM ||
		   kind == REINDEX_OBJECT_DATABASE;
}

static bool
detaches_concurrently(const Node *node)
{
	ListCell *cell;

	foreach (cell, ((const AlterTableStmt *) node)->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if (command->subtype == AT_DetachPartition && ((PartitionCmd *) command->def)->concurrent)
			return true;
	}
	return false;
}

static bool
is_vacuum(const Node *node)
{
	return ((const VacuumStmt *) node)->is_vacuumcmd;
}

static bool
clusters_all(const Node *node)
{
	return ((const ClusterStmt *) node)->relation == NULL;
}

static bool
moves_database(const Node *node)
{
	return find_option(((const AlterDatabaseStmt *) node)->options, "tablespace") != NULL;
}

static bool
creates_slot(const Node *node)
{
	List *options = ((const CreateSubscriptionStmt *) node)->options;
	bool connect = option_is_on(options, "connect", true);

	return option_is_on(options, "create_slot", connect);
}

static bool
refreshes(const Node *node)
{
	const AlterSubscriptionStmt *alter = (const AlterSubscriptionStmt *) node;

	switch (alter->kind)
	{
		case ALTER_SUBSCRIPTION_REFRESH:
			return true;
		case ALTER_SUBSCRIPTION_SET_PUBLICATION:
		case ALTER_SUBSCRIPTION_ADD_PUBLICATION:
		case ALTER_SUBSCRIPTION_DROP_PUBLICATION:
			return option_is_on(alter->options, "refresh", true);
		default:
			return false;
	}
}

/* 17 and 18: these options are handed on to the slot, where nothing rolls them back. */
static bool
alters_slot(const Node *node)
{
	const AlterSubscriptionStmt *alter = (const AlterSubscriptionStmt *) node;

	return alter->kind == ALTER_SUBSCRIPTION_OPTIONS &&
		   (find_option(alter->options, "failover") ||
			!option_is_on(alter->options, "two_phase", true));
}

static bool
reindexes_relation(const Node *node)
{
	return ((const ReindexStmt *) node)->relation != NULL;
}

/* The first row that applies counts. */
static const NotTransactional table[] = {
	{T_IndexStmt, index_is_concurrent, DBM_NOTE_SINGLE, "CREATE INDEX CONCURRENTLY"},
	{T_DropStmt, drop_is_concurrent, DBM_NOTE_SINGLE, "DROP INDEX CONCURRENTLY"},
	{T_ReindexStmt, reindex_is_concurrent, DBM_NOTE_SINGLE, "REINDEX CONCURRENTLY"},
	{T_AlterTableStmt, detaches_concurrently, DBM_NOTE_SINGLE,
	 "ALTER TABLE ... DETACH PARTITION CONCURRENTLY"},
	{T_ReindexStmt, reindex_is_wide, DBM_NOTE_SINGLE, "REINDEX of a schema or database"},
	{T_ReindexStmt, reindexes_relation, DBM_NOTE_SINGLE_IF_PARTITIONED,
	 "REINDEX of a partitioned relation"},
	{T_VacuumStmt, is_vacuum, DBM_NOTE_SINGLE, "VACUUM"},
	{T_ClusterStmt, clusters_all, DBM_NOTE_SINGLE, "CLUSTER of all tables"},
	{T_ClusterStmt, NULL, DBM_NOTE_SINGLE_IF_PARTITIONED, "CLUSTER of a partitioned table"},
	{T_AlterSystemStmt, NULL, DBM_NOTE_SINGLE, "ALTER SYSTEM"},
	{T_CreatedbStmt, NULL, DBM_NOTE_SINGLE, "CREATE DATABASE"},
	{T_DropdbStmt, NULL, DBM_NOTE_SINGLE, "DROP DATABASE"},
	{T_AlterDatabaseStmt, moves_database, DBM_NOTE_SINGLE, "ALTER DATABASE ... SET TABLESPACE"},
	{T_CreateTableSpaceStmt, NULL, DBM_NOTE_SINGLE, "CREATE TABLESPACE"},
	{T_DropTableSpaceStmt, NULL, DBM_NOTE_SINGLE, "DROP TABLESPACE"},
	{T_CreateSubscriptionStmt, creates_slot, DBM_NOTE_SINGLE,
	 "CREATE SUBSCRIPTION ... WITH (create_slot = true)"},
	{T_AlterSubscriptionStmt, refreshes, DBM_NOTE_SINGLE, "ALTER SUBSCRIPTION with refresh"},
	{T_AlterSubscriptionStmt, alters_slot, DBM_NOTE_SINGLE,
	 "ALTER SUBSCRIPTION ... SET of an option of its slot"},
	{T_DropSubscriptionStmt, NULL, DBM_NOTE_SINGLE_IF_SLOT, "DROP SUBSCRIPTION with its slot"},
};

/* The tables of VACUUM; NIL: all of them. */
static List *
vacuumed_relations(const VacuumStmt *vacuum)
{
	List *relations = NIL;
	ListCell *cell;

	foreach (cell, vacuum->rels)
		relations = lappend(relations, lfirst_node(VacuumRelation, cell)->relation);
	return relations;
}

/* The indexes of DROP INDEX. */
static List *
dropped_relations(const DropStmt *drop)
{
	List *relations = NIL;
	ListCell *cell;

	foreach (cell, drop->objects)
		relations = lappend(relations, dbm_code_name(lfirst_node(List, cell)));
	return relations;
}

static List *
list_relation(RangeVar *relation)
{
	return relation ? list_make1(relation) : NIL;
}

/* What the catalogs are asked about, and what could be temporary. */
static void
name_objects(const Node *node, DbmNote *note)
{
	switch (nodeTag(node))
	{
		case T_IndexStmt:
			note->objects = list_relation(((const IndexStmt *) node)->relation);
			break;
		case T_DropStmt:
			note->objects = dropped_relations((const DropStmt *) node);
			break;
		case T_ReindexStmt:
			note->objects = list_relation(((const ReindexStmt *) node)->relation);
			break;
		case T_ClusterStmt:
			note->objects = list_relation(((const ClusterStmt *) node)->relation);
			break;
		case T_AlterTableStmt:
			note->objects = list_relation(((const AlterTableStmt *) node)->relation);
			break;
		case T_VacuumStmt:
			note->objects = vacuumed_relations((const VacuumStmt *) node);
			break;
		case T_DropSubscriptionStmt:
			note->name = ((const DropSubscriptionStmt *) node)->subname;
			break;
		default:
			break;
	}
}

bool
dbm_not_transactional(const Node *statement, DbmNote *note)
{
	for (int row = 0; row < lengthof(table); row++)
	{
		if (table[row].tag != nodeTag(statement))
			continue;
		if (table[row].applies && !table[row].applies(statement))
			continue;
		note->kind = table[row].kind;
		note->subject = table[row].subject;
		name_objects(statement, note);
		return true;
	}
	return false;
}
