/*
 * script/approval.c: the hash that approvals are given to
 */
#include "postgres.h"

#include "script/script.h"

#define FORMAT "dbm-approval-1"

void
dbm_approval_digest(const char *change, const DbmScript *script, const DbmScript *rollback,
					const char *environment, uint8 *result)
{
	DbmDigest *digest = dbm_digest_begin();

	dbm_digest_string(digest, FORMAT);
	dbm_digest_string(digest, change);
	dbm_digest_field(digest, script->bytes_digest, DBM_DIGEST_LENGTH);
	if (rollback)
		dbm_digest_field(digest, rollback->bytes_digest, DBM_DIGEST_LENGTH);
	else
		dbm_digest_string(digest, NULL);
	dbm_digest_string(digest, environment);
	dbm_digest_end(digest, result);
}
