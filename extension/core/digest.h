/*
 * core/digest.h: SHA-256, and lengths put before values so that no two lists
 * of values hash alike
 */
#ifndef DBM_CORE_DIGEST_H
#define DBM_CORE_DIGEST_H

#define DBM_DIGEST_LENGTH 32
#define DBM_DIGEST_HEX_LENGTH 64

typedef struct DbmDigest DbmDigest;

/* Starts a digest in the current memory context. */
extern DbmDigest *dbm_digest_begin(void);

/* Feeds raw bytes. */
extern void dbm_digest_bytes(DbmDigest *digest, const void *bytes, size_t length);

/* Feeds a field: its length as eight bytes, big endian, then its bytes. */
extern void dbm_digest_field(DbmDigest *digest, const void *bytes, size_t length);

/* Feeds a field holding a C string; NULL is told apart from the empty string. */
extern void dbm_digest_string(DbmDigest *digest, const char *string);

/* Writes 32 bytes to result and frees the digest. */
extern void dbm_digest_end(DbmDigest *digest, uint8 *result);

/* Hashes one run of bytes. */
extern void dbm_digest_of(const void *bytes, size_t length, uint8 *result);

/* Returns a palloc'd lower-case hex string of length bytes. */
extern char *dbm_hex(const uint8 *bytes, size_t length);

/* Returns a palloc'd bytea of length bytes. */
extern bytea *dbm_bytea(const uint8 *bytes, size_t length);

#endif							/* DBM_CORE_DIGEST_H */
