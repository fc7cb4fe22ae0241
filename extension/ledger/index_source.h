/*
 * ledger/index_source.h: CREATE INDEX written anew for another relation
 */
#ifndef DBM_LEDGER_INDEX_SOURCE_H
#define DBM_LEDGER_INDEX_SOURCE_H

#include "nodes/parsenodes.h"

/*
 * What follows the table in the source of CREATE INDEX, byte for byte but for
 * the table's own name before its columns: "USING btree (a, lower(b)) WHERE c".
 */
extern char *dbm_index_source_rest(const RawStmt *statement, const char *text, Oid table);

/* Which statement to write. */
typedef struct DbmIndexSource
{
	bool concurrently;
	bool if_not_exists;
	bool only;
	const char *name; /* NULL: left to the server */
	Oid table;
} DbmIndexSource;

/* Writes it; statement says whether it is UNIQUE. */
extern char *dbm_index_source_write(const IndexStmt *statement, const DbmIndexSource *source,
									const char *rest);

#endif /* DBM_LEDGER_INDEX_SOURCE_H */
