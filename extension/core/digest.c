/*
 * core/digest.c: SHA-256 by the server's own common/cryptohash
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "port/pg_bswap.h"

#include "core/compat.h"
#include "core/digest.h"

/*
 * After an error nothing is to be freed here: the resource owner ends the
 * contexts of OpenSSL, before memory goes, and those of other builds are
 * palloc'd.
 */
struct DbmDigest
{
	pg_cryptohash_ctx *context;
};

StaticAssertDecl(DBM_DIGEST_LENGTH == PG_SHA256_DIGEST_LENGTH, "SHA-256 is 32 bytes");

static void
check(DbmDigest *digest, int result)
{
	if (result < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(digest->context));
}

DbmDigest *
dbm_digest_begin(void)
{
	DbmDigest *digest = palloc0(sizeof(DbmDigest));

	digest->context = pg_cryptohash_create(PG_SHA256);
	if (digest->context == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	check(digest, pg_cryptohash_init(digest->context));
	return digest;
}

void
dbm_digest_bytes(DbmDigest *digest, const void *bytes, size_t length)
{
	check(digest, pg_cryptohash_update(digest->context, bytes, length));
}

void
dbm_digest_field(DbmDigest *digest, const void *bytes, size_t length)
{
	uint64 prefix = pg_hton64((uint64) length);

	dbm_digest_bytes(digest, &prefix, sizeof(prefix));
	dbm_digest_bytes(digest, bytes, length);
}

void
dbm_digest_string(DbmDigest *digest, const char *string)
{
	static const uint64 null_marker = PG_UINT64_MAX;

	if (string == NULL)
		dbm_digest_bytes(digest, &null_marker, sizeof(null_marker));
	else
		dbm_digest_field(digest, string, strlen(string));
}

void
dbm_digest_end(DbmDigest *digest, uint8 *result)
{
	check(digest, pg_cryptohash_final(digest->context, result, DBM_DIGEST_LENGTH));
	pg_cryptohash_free(digest->context);
	pfree(digest);
}

void
dbm_digest_of(const void *bytes, size_t length, uint8 *result)
{
	DbmDigest *digest = dbm_digest_begin();

	dbm_digest_bytes(digest, bytes, length);
	dbm_digest_end(digest, result);
}

char *
dbm_hex(const uint8 *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = palloc(length * 2 + 1);

	for (size_t at = 0; at < length; at++)
	{
		hex[at * 2] = digits[bytes[at] >> 4];
		hex[at * 2 + 1] = digits[bytes[at] & 0x0f];
	}
	hex[length * 2] = '\0';
	return hex;
}

bytea *
dbm_bytea(const uint8 *bytes, size_t length)
{
	bytea *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), bytes, length);
	return result;
}
