/*
 * ledger/manifest.h: lists of changes as clients and environments hand them over
 */
#ifndef DBM_LEDGER_MANIFEST_H
#define DBM_LEDGER_MANIFEST_H

#include "utils/hsearch.h"
#include "utils/jsonb.h"

#include "core/digest.h"

#define DBM_MANIFEST_FORMAT 1

/* One change of a list; hashes that the list does not tell are absent. */
typedef struct DbmManifestEntry
{
	char	   *change;
	bool		has_hash;
	bool		has_tokens;
	uint8		hash[DBM_DIGEST_LENGTH];	/* SHA-256 of the bytes */
	uint8		tokens[DBM_DIGEST_LENGTH];
} DbmManifestEntry;

/* What a client wants to bring: an array of changes, or an object around it. */
typedef struct DbmManifest
{
	char	   *fingerprint;	/* what the client calls this list, or NULL */
	int64		last_run;		/* newest run that the plan behind it has seen, -1: not said */
	bool		has_changes;	/* false: the fingerprint alone */
	int			nentries;
	DbmManifestEntry *entries;
} DbmManifest;

/* The dbm_manifest() of the environment that this one follows. */
typedef struct DbmFollowed
{
	char	   *environment;
	char	   *identity;
	HTAB	   *changes;		/* of DbmFollowedChange */
} DbmFollowed;

typedef struct DbmFollowedChange
{
	char	   *change;			/* key */
	uint8		hash[DBM_DIGEST_LENGTH];
	uint8		tokens[DBM_DIGEST_LENGTH];
} DbmFollowedChange;

/*
 * Reads a manifest; raises 22023 for one that is not well formed, and
 * ERRCODE_DBM_OTHER_ENVIRONMENT for one that names another environment.  Of a
 * change whose script it holds, both hashes are computed; of a script that
 * cannot be read, that of the bytes alone.
 */
extern DbmManifest *dbm_manifest_read(Jsonb *json);

/* Raises unless every change of the manifest has a possible name and is named once. */
extern void dbm_manifest_require_names(const DbmManifest *manifest);

/*
 * Reads the manifest of another environment; raises 22023 for one that is not
 * well formed, and ERRCODE_DBM_NOT_PROMOTED unless it is of the environment
 * that this one follows, ERRCODE_DBM_DETACHED if it comes from a copy of it.
 */
extern DbmFollowed *dbm_followed_read(Jsonb *json);

/* Finds a change in it, NULL if it is not applied there. */
extern const DbmFollowedChange *dbm_followed_find(const DbmFollowed *followed, const char *change);

/* Name of the environment whose manifest this is. */
extern char *dbm_manifest_environment(Jsonb *json);

/* The part of it that concerns the changes of the manifest, in the same form. */
extern Jsonb *dbm_followed_part(const DbmFollowed *followed, const DbmManifest *manifest);

/* Reads a digest from its hexadecimal digits; false if they are none. */
extern bool dbm_manifest_read_digest(const char *hex, int length, uint8 *digest);

/* An empty hash whose entries begin with a char *, found by what it points to. */
extern HTAB *dbm_manifest_hash(const char *name, Size entry_size);

/* Writing one: its head, then objects, whose keys dbm_manifest_push adds, then its end. */
extern void dbm_manifest_push_head(JsonbParseState **state, const char *environment,
								   const char *identity);
extern void dbm_manifest_push(JsonbParseState **state, const char *key, char *value);
extern Jsonb *dbm_manifest_push_end(JsonbParseState **state);

#endif							/* DBM_LEDGER_MANIFEST_H */
