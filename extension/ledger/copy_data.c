/*
 * ledger/copy_data.c: feed COPY from memory
 *
 * The server's COPY reads from the client or from a callback; the callback has
 * no argument, so what it reads from is a variable, saved and restored around.
 * The checks before are those of DoCopy (commands/copy.c).
 */
#include "postgres.h"

#include "access/table.h"
#include "commands/copy.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "core/compat.h"
#include "ledger/copy_data.h"

typedef struct DataSource
{
	const char *at;
	Size left;
} DataSource;

static DataSource source_now;

static int
read_data(void *buffer, int least, int most)
{
	int bytes = (int) Min((Size) most, source_now.left);

	memcpy(buffer, source_now.at, bytes);
	source_now.at += bytes;
	source_now.left -= bytes;
	return bytes;
}

static void
check_row_security(Relation relation)
{
	if (check_enable_rls(RelationGetRelid(relation), InvalidOid, false) == RLS_ENABLED)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("COPY FROM not supported with row-level security"),
						errhint("Use INSERT statements instead.")));
}

static List *
transform_where(ParseState *pstate, ParseNamespaceItem *item, Node *where)
{
	if (where == NULL)
		return NIL;
	addNSItemToQuery(pstate, item, false, true, true);
	where = transformExpr(pstate, where, EXPR_KIND_COPY_WHERE);
	where = coerce_to_boolean(pstate, where, "WHERE");
	assign_expr_collations(pstate, where);
	where = eval_const_expressions(NULL, where);
	return make_ands_implicit(canonicalize_qual((Expr *) where, false));
}

/*
 * The data came with the script and is in the server's encoding by now,
 * whatever the client's is and the statement says.
 */
static List *
set_encoding(List *options)
{
	List *changed = NIL;
	ListCell *cell;

	foreach (cell, options)
	{
		if (strcmp(lfirst_node(DefElem, cell)->defname, "encoding") != 0)
			changed = lappend(changed, lfirst(cell));
	}
	return lappend(changed, makeDefElem("encoding", (Node *) makeString(pstrdup(
										GetDatabaseEncodingName())), -1));
}

uint64
dbm_copy_data(CopyStmt *statement, const char *source, const char *data, Size length)
{
	ParseState *pstate = make_parsestate(NULL);
	DataSource saved = source_now;
	ParseNamespaceItem *item;
	Relation relation;
	List *columns;
	List *where;
	uint64 rows = 0;

	pstate->p_sourcetext = source;
	relation = table_openrv(statement->relation, RowExclusiveLock);
	item = addRangeTableEntryForRelation(pstate, relation, RowExclusiveLock, NULL, false, false);
	columns = CopyGetAttnums(RelationGetDescr(relation), relation, statement->attlist);
	dbm_check_insert_columns(pstate, item, columns);
	where = transform_where(pstate, item, statement->whereClause);
	check_row_security(relation);

	source_now.at = data;
	source_now.left = length;
	PG_TRY();
	{
		CopyFromState state = BeginCopyFrom(pstate, relation, (Node *) where, NULL, false,
											read_data, statement->attlist,
											set_encoding(statement->options));

		rows = CopyFrom(state);
		EndCopyFrom(state);
	}
	PG_FINALLY();
	{
		source_now = saved;
	}
	PG_END_TRY();
	table_close(relation, NoLock);
	free_parsestate(pstate);
	return rows;
}
