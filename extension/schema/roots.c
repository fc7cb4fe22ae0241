/*
 * schema/roots.c: hashes of buckets, of groups of them, and the roots
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "schema/live.h"

static int
compare_digests(const void *a, const void *b)
{
	return memcmp(*(const uint8 *const *) a, *(const uint8 *const *) b, DBM_DIGEST_LENGTH);
}

/* Most buckets and groups of a small schema are empty, and have the same hashes. */
static struct
{
	bool known;
	uint8 bucket[DBM_DIGEST_LENGTH];
	uint8 group[DBM_DIGEST_LENGTH];
} empty;

/* Hash over the hashes of the bucket's objects, sorted. */
static void
hash_bucket(DbmBucket *bucket)
{
	DbmDigest *digest;
	const uint8 **hashes;
	int count = 0;

	if (bucket->objects == NULL)
	{
		memcpy(bucket->hash, empty.bucket, DBM_DIGEST_LENGTH);
		bucket->stale = false;
		return;
	}
	for (DbmObject *object = bucket->objects; object; object = object->next_in_bucket)
		count++;
	hashes = palloc(sizeof(uint8 *) * count);
	count = 0;
	for (DbmObject *object = bucket->objects; object; object = object->next_in_bucket)
		hashes[count++] = object->hash;
	qsort(hashes, count, sizeof(uint8 *), compare_digests);
	digest = dbm_digest_begin();
	for (int at = 0; at < count; at++)
		dbm_digest_bytes(digest, hashes[at], DBM_DIGEST_LENGTH);
	dbm_digest_end(digest, bucket->hash);
	bucket->stale = false;
	pfree(hashes);
}

static void
hash_buckets(const DbmBucket *buckets, uint8 *hash)
{
	uint8 hashes[DBM_GROUP_SIZE][DBM_DIGEST_LENGTH];

	for (int at = 0; at < DBM_GROUP_SIZE; at++)
		memcpy(hashes[at], buckets[at].hash, DBM_DIGEST_LENGTH);
	dbm_digest_of(hashes, sizeof(hashes), hash);
}

static void
hash_empty(void)
{
	DbmBucket buckets[DBM_GROUP_SIZE];

	if (empty.known)
		return;
	dbm_digest_of("", 0, empty.bucket);
	for (int at = 0; at < DBM_GROUP_SIZE; at++)
		memcpy(buckets[at].hash, empty.bucket, DBM_DIGEST_LENGTH);
	hash_buckets(buckets, empty.group);
	empty.known = true;
}

/* Hash over the hashes of the group's buckets, in order. */
static void
hash_group(DbmLive *live, DbmTree tree, int group)
{
	DbmBucket *buckets = &live->buckets[tree][group * DBM_GROUP_SIZE];
	uint8 *hash = live->groups[tree][group].hash;
	bool any = false;

	for (int at = 0; at < DBM_GROUP_SIZE; at++)
	{
		if (buckets[at].stale)
			hash_bucket(&buckets[at]);
		any = any || buckets[at].objects;
	}
	if (any)
		hash_buckets(buckets, hash);
	else
		memcpy(hash, empty.group, DBM_DIGEST_LENGTH);
	live->groups[tree][group].stale = false;
}

static void
hash_tree(DbmLive *live, DbmTree tree)
{
	MemoryContext temporary = AllocSetContextCreate(CurrentMemoryContext, "dbmaestro root",
													ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(temporary);
	uint8 hashes[DBM_GROUPS][DBM_DIGEST_LENGTH];

	hash_empty();
	for (int at = 0; at < DBM_GROUPS; at++)
		if (live->groups[tree][at].stale)
			hash_group(live, tree, at);
	for (int at = 0; at < DBM_GROUPS; at++)
		memcpy(hashes[at], live->groups[tree][at].hash, DBM_DIGEST_LENGTH);
	dbm_digest_of(hashes, sizeof(hashes), live->roots[tree]);
	live->stale[tree] = false;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(temporary);
}

const uint8 *
dbm_live_root(DbmLive *live, DbmTree tree)
{
	if (live->stale[tree])
		hash_tree(live, tree);
	return live->roots[tree];
}
