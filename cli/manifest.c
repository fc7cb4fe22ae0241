/*
 * cli/manifest.c: what a repository holds, as the server wants to know it
 */
#include "postgres_fe.h"

#include <git2.h>

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "pqexpbuffer.h"

#include "manifest.h"
#include "message.h"

char *
manifest_hash(const char *content, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	char *hex = pg_malloc(2 * PG_SHA256_DIGEST_LENGTH + 1);

	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) content, length) < 0 ||
		pg_cryptohash_final(context, digest, sizeof(digest)) < 0)
		message_die(EXIT_ERROR, NULL, "could not compute a SHA-256 hash");
	pg_cryptohash_free(context);
	for (int at = 0; at < PG_SHA256_DIGEST_LENGTH; at++)
	{
		hex[2 * at] = digits[digest[at] >> 4];
		hex[2 * at + 1] = digits[digest[at] & 0xf];
	}
	hex[2 * PG_SHA256_DIGEST_LENGTH] = '\0';
	return hex;
}

/*
 * The trees name all that is in the folders, and the rules of naming say what
 * it becomes: equal fingerprints mean equal changes.  It is hashed as Git does
 * it, since what it is made of are hashes of Git.
 */
char *
manifest_fingerprint(const Config *config, Repository *repository)
{
	const char *parts[] = {config->script,	   config->rollback, config->repeatable, config->order,
						   config->migrations, config->rollbacks, config->repeatables};
	PQExpBuffer text = createPQExpBuffer();
	SourceFile plan;
	git_oid digest;

	appendPQExpBufferStr(text, "dbmaestro 1\n");
	for (int at = 0; at < lengthof(parts); at++)
		appendPQExpBuffer(text, "%s\n", parts[at] ? parts[at] : "");
	for (int at = 4; at < lengthof(parts); at++)
	{
		char *id = parts[at] ? repository_folder_id(repository, parts[at]) : "";

		if (id == NULL)
		{
			destroyPQExpBuffer(text);
			return NULL;
		}
		appendPQExpBuffer(text, "%s\n", id);
	}
	if (strcmp(config->order, "plan") == 0 && repository_find(repository, "sqitch.plan", &plan))
		appendPQExpBuffer(text, "%s\n", git_oid_tostr_s(&plan.id));
	if (git_odb_hash(&digest, text->data, text->len, GIT_OBJECT_BLOB) != 0)
		message_die(EXIT_ERROR, NULL, "could not compute a fingerprint");
	destroyPQExpBuffer(text);
	return pg_strdup(git_oid_tostr_s(&digest));
}

static json_t *
hash_file(Changes *changes, const SourceFile *file)
{
	size_t length;
	char *content = repository_read(changes->repository, file, &length);
	char *hash = manifest_hash(content, length);
	json_t *value = json_string(hash);

	pg_free(content);
	pg_free(hash);
	return value;
}

static bool
is_known(Changes *known, const Change *change)
{
	const Change *before = known ? changes_find(known, change->name) : NULL;

	return before && before->repeatable == change->repeatable &&
		   git_oid_equal(&before->script.id, &change->script.id);
}

json_t *
manifest_changes(Changes *changes, Changes *known)
{
	json_t *array = json_array();

	for (int at = 0; at < changes->count; at++)
	{
		const Change *change = &changes->items[at];
		json_t *object;

		if (is_known(known, change))
		{
			json_array_append_new(array, json_string(change->name));
			continue;
		}
		object = json_object();
		json_object_set_new(object, "change", json_string(change->name));
		json_object_set_new(object, "hash", hash_file(changes, &change->script));
		json_array_append_new(array, object);
	}
	return array;
}

bool
manifest_add_script(json_t *array, Changes *changes, const Change *change)
{
	size_t at = change - changes->items;
	size_t length;
	char *content = repository_read(changes->repository, &change->script, &length);
	json_t *script = memchr(content, '\0', length) ? NULL : json_stringn(content, length);
	json_t *object;

	pg_free(content);
	if (script == NULL)
		return false;
	object = json_copy(json_array_get(array, at));
	json_object_set_new(object, "script", script);
	json_array_set_new(array, at, object);
	return true;
}

char *
manifest_text(const char *environment, const char *fingerprint, const char *last_run,
			  json_t *changes)
{
	json_t *manifest = json_object();
	char *text;

	json_object_set_new(manifest, "environment", json_string(environment));
	if (fingerprint)
		json_object_set_new(manifest, "fingerprint", json_string(fingerprint));
	if (last_run)
		json_object_set_new(manifest, "last_run", json_integer(strtoll(last_run, NULL, 10)));
	if (changes)
		json_object_set(manifest, "changes", changes);
	text = json_dumps(manifest, JSON_COMPACT);
	json_decref(manifest);
	return text;
}
