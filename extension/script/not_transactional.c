/*
 * script/not_transactional.c: the statements that cannot run in a transaction
 *
 * From the callers of PreventInTransactionBlock in PostgreSQL 15 to 18.  What
 * depends on the catalogs (a partitioned table, a subscription's slot) the
 * server itself refuses when it gets there.
 */
#include "postgres.h"

#include "commands/defrem.h"

#include "script/finding.h"

typedef struct NotTransactional
{
	NodeTag tag;
	bool (*applies)(const Node *node); /* NULL: always */
	const char *subject;
	bool concurrently;
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

static const NotTransactional table[] = {
	{T_IndexStmt, index_is_concurrent, "CREATE INDEX CONCURRENTLY", true},
	{T_DropStmt, drop_is_concurrent, "DROP INDEX CONCURRENTLY", true},
	{T_ReindexStmt, reindex_is_concurrent, "REINDEX CONCURRENTLY", true},
	{T_AlterTableStmt, detaches_concurrently, "ALTER TABLE ... DETACH PARTITION CONCURRENTLY",
	 true},
	{T_ReindexStmt, reindex_is_wide, "REINDEX of a schema or database", false},
	{T_VacuumStmt, is_vacuum, "VACUUM", false},
	{T_ClusterStmt, clusters_all, "CLUSTER of all tables", false},
	{T_AlterSystemStmt, NULL, "ALTER SYSTEM", false},
	{T_CreatedbStmt, NULL, "CREATE DATABASE", false},
	{T_DropdbStmt, NULL, "DROP DATABASE", false},
	{T_AlterDatabaseStmt, moves_database, "ALTER DATABASE ... SET TABLESPACE", false},
	{T_CreateTableSpaceStmt, NULL, "CREATE TABLESPACE", false},
	{T_DropTableSpaceStmt, NULL, "DROP TABLESPACE", false},
	{T_CreateSubscriptionStmt, creates_slot, "CREATE SUBSCRIPTION ... WITH (create_slot = true)",
	 false},
	{T_AlterSubscriptionStmt, refreshes, "ALTER SUBSCRIPTION with refresh", false},
};

const char *
dbm_not_transactional(const Node *statement, bool *concurrently)
{
	for (int row = 0; row < lengthof(table); row++)
	{
		if (table[row].tag != nodeTag(statement))
			continue;
		if (table[row].applies && !table[row].applies(statement))
			continue;
		*concurrently = table[row].concurrently;
		return table[row].subject;
	}
	return NULL;
}
