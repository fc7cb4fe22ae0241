/*
 * ledger/manifest.c: lists of changes, read from JSON and written to it
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/resowner.h"

#include "core/errors.h"
#include "core/installed.h"
#include "ledger/change.h"
#include "ledger/manifest.h"
#include "script/script.h"

/* ---- names ---- */

static uint32
hash_name(const void *key, Size size)
{
	const char *name = *(const char *const *) key;

	return DatumGetUInt32(hash_any((const unsigned char *) name, strlen(name)));
}

static int
compare_name(const void *left, const void *right, Size size)
{
	return strcmp(*(const char *const *) left, *(const char *const *) right);
}

HTAB *
dbm_manifest_hash(const char *name, Size entry_size)
{
	HASHCTL control = {
		.keysize = sizeof(char *),
		.entrysize = entry_size,
		.hash = hash_name,
		.match = compare_name,
		.hcxt = CurrentMemoryContext,
	};

	return hash_create(name, 1024, &control,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

/* ---- what both kinds are made of ---- */

static int
hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

bool
dbm_manifest_read_digest(const char *hex, int length, uint8 *digest)
{
	if (length != DBM_DIGEST_HEX_LENGTH)
		return false;
	for (int at = 0; at < DBM_DIGEST_LENGTH; at++)
	{
		int high = hex_value(hex[at * 2]);
		int low = hex_value(hex[at * 2 + 1]);

		if (high < 0 || low < 0)
			return false;
		digest[at] = (uint8) (high << 4 | low);
	}
	return true;
}

static JsonbValue *
find_key(JsonbContainer *object, const char *key, JsonbValue *space)
{
	return getKeyJsonValueFromContainer(object, key, strlen(key), space);
}

/* Text of a key, NULL if the object has it not or as something else. */
static char *
read_text(JsonbContainer *object, const char *key)
{
	JsonbValue space;
	JsonbValue *value = find_key(object, key, &space);

	if (value == NULL || value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* Reads a hash, if the object has one; raises if it is none. */
static bool
read_hash(JsonbContainer *object, const char *key, const char *change, uint8 *digest)
{
	JsonbValue space;
	JsonbValue *value = find_key(object, key, &space);

	if (value == NULL || value->type == jbvNull)
		return false;
	if (value->type != jbvString ||
		!dbm_manifest_read_digest(value->val.string.val, value->val.string.len, digest))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value of \"%s\" in the manifest", key),
						errdetail("Change \"%s\" has it.", change),
						errhint("Give a SHA-256 as 64 hexadecimal digits.")));
	return true;
}

static void
read_entry(const JsonbValue *element, DbmManifestEntry *entry)
{
	memset(entry, 0, sizeof(DbmManifestEntry));
	if (element->type == jbvString)
	{
		entry->change = pnstrdup(element->val.string.val, element->val.string.len);
		return;
	}
	if (element->type == jbvBinary && JsonContainerIsObject(element->val.binary.data))
		entry->change = read_text(element->val.binary.data, "change");
	if (entry->change == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid element in the manifest"),
						errhint("Elements are {\"change\": \"<name>\", \"hash\": \"<SHA-256 of the "
								"script, hex>\"}.")));
	entry->has_hash = read_hash(element->val.binary.data, "hash", entry->change, entry->hash);
	entry->has_tokens = read_hash(element->val.binary.data, "tokens", entry->change, entry->tokens);
}

/* ---- scripts in place of their hashes ---- */

/* Does the error say what is wrong with the script, and not with the server? */
static bool
concerns_script(int sqlstate)
{
	int category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_TO_CATEGORY(ERRCODE_SYNTAX_ERROR) ||
		   category == ERRCODE_TO_CATEGORY(ERRCODE_DATA_EXCEPTION) ||
		   category == ERRCODE_TO_CATEGORY(ERRCODE_FEATURE_NOT_SUPPORTED) ||
		   category == ERRCODE_TO_CATEGORY(ERRCODE_DBM_CHECKSUM);
}

/* Ends what reading took, also after an error: only then something is left. */
static void
release_reading(ResourceOwner reading, ResourceOwner caller)
{
	CurrentResourceOwner = caller;
	ResourceOwnerRelease(reading, RESOURCE_RELEASE_BEFORE_LOCKS, false, false);
	ResourceOwnerRelease(reading, RESOURCE_RELEASE_LOCKS, false, false);
	ResourceOwnerRelease(reading, RESOURCE_RELEASE_AFTER_LOCKS, false, false);
	ResourceOwnerDelete(reading);
}

/*
 * Hashes the tokens.  Returns false for a script that cannot be read: what is
 * wrong with it, dbm_apply says.
 *
 * The error is swallowed without a subtransaction: reading takes memory,
 * settings and contexts of hashes, and all of them are put back here.
 */
static bool
hash_tokens(const char *change, const char *text, Size length, uint8 *tokens)
{
	DbmScriptRules rules = {.name = change};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext working = AllocSetContextCreate(caller, "dbmaestro manifest",
												  ALLOCSET_DEFAULT_SIZES);
	ResourceOwner owner = CurrentResourceOwner;
	ResourceOwner reading = ResourceOwnerCreate(owner, "dbmaestro manifest");
	int level = NewGUCNestLevel();
	volatile bool readable = true;

	MemoryContextSwitchTo(working);
	CurrentResourceOwner = reading;
	PG_TRY();
	{
		DbmScript *script = dbm_script_read(text, length, &rules);

		memcpy(tokens, script->tokens_digest, DBM_DIGEST_LENGTH);
	}
	PG_CATCH();
	{
		CurrentResourceOwner = owner;
		if (!concerns_script(geterrcode()))
			PG_RE_THROW();
		FlushErrorState();
		readable = false;
	}
	PG_END_TRY();
	AtEOXact_GUC(false, level);
	release_reading(reading, owner);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(working);
	return readable;
}

static void
require_same_hash(const DbmManifestEntry *entry, const uint8 *digest)
{
	if (!entry->has_hash || memcmp(entry->hash, digest, DBM_DIGEST_LENGTH) == 0)
		return;
	/* the statement may hold the whole script */
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg("hash of change \"%s\" in the manifest is not that of its script", entry->change),
		 errdetail("Hash: %s; SHA-256 of the script: %s.", dbm_hex(entry->hash, DBM_DIGEST_LENGTH),
				   dbm_hex(digest, DBM_DIGEST_LENGTH)),
		 errhint("Leave out the hash: it is computed from the script."), errhidestmt(true)));
}

/* Both hashes are the server's own where the script itself is given. */
static void
read_script(const JsonbValue *element, DbmManifestEntry *entry)
{
	JsonbValue space;
	JsonbValue *value;
	uint8 digest[DBM_DIGEST_LENGTH];
	char *text;

	if (element->type != jbvBinary)
		return;
	value = find_key(element->val.binary.data, "script", &space);
	if (value == NULL || value->type == jbvNull)
		return;
	if (value->type != jbvString)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value of \"script\" in the manifest"),
						errdetail("Change \"%s\" has it.", entry->change),
						errhint("Give the text of the script.")));
	text = pnstrdup(value->val.string.val, value->val.string.len);
	dbm_digest_of(text, value->val.string.len, digest);
	require_same_hash(entry, digest);
	memcpy(entry->hash, digest, DBM_DIGEST_LENGTH);
	entry->has_hash = true;
	entry->has_tokens = hash_tokens(entry->change, text, value->val.string.len, entry->tokens);
	pfree(text);
}

/* ---- all of them ---- */

static void
read_entries(JsonbContainer *array, DbmManifest *manifest, bool scripts)
{
	JsonbIterator *iterator = JsonbIteratorInit(array);
	JsonbIteratorToken token;
	JsonbValue element;
	DbmManifestEntry *entry;

	manifest->has_changes = true;
	manifest->entries = MemoryContextAllocHuge(
		CurrentMemoryContext, (Size) (JsonContainerSize(array) + 1) * sizeof(DbmManifestEntry));
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token != WJB_ELEM)
			continue;
		entry = &manifest->entries[manifest->nentries++];
		read_entry(&element, entry);
		if (scripts)
			read_script(&element, entry);
	}
}

/* The array under "changes"; NULL if the object has none. */
static JsonbContainer *
find_changes(JsonbContainer *object)
{
	JsonbValue space;
	JsonbValue *value = find_key(object, "changes", &space);

	if (value == NULL)
		return NULL;
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"changes\" of the manifest must be a JSON array"),
						errhint("Elements are {\"change\": \"<name>\", \"hash\": \"<SHA-256 of the "
								"script, hex>\"}.")));
	return value->val.binary.data;
}

/* ---- manifests of clients ---- */

#define FINGERPRINT_LENGTH 200

static void
read_fingerprint(JsonbContainer *object, DbmManifest *manifest)
{
	JsonbValue space;
	JsonbValue *last_run = find_key(object, "last_run", &space);

	manifest->fingerprint = read_text(object, "fingerprint");
	if ((manifest->fingerprint == NULL && find_key(object, "fingerprint", NULL)) ||
		(manifest->fingerprint &&
		 (manifest->fingerprint[0] == '\0' || strlen(manifest->fingerprint) > FINGERPRINT_LENGTH)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid fingerprint in the manifest"),
						errhint("Give a text of 1 to %d bytes that names these changes and no "
								"others.",
								FINGERPRINT_LENGTH)));
	if (last_run == NULL || last_run->type == jbvNull)
		return;
	if (last_run->type != jbvNumeric)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value of \"last_run\" in the manifest"),
						errhint("Give the number that dbm_plan returned.")));
	manifest->last_run = DatumGetInt64(
		DirectFunctionCall1(numeric_int8, NumericGetDatum(last_run->val.numeric)));
}

static void
raise_other_environment(const char *meant)
{
	const DbmEnvironment *facts = dbm_environment();
	bool copied = facts->identity != DBM_IDENTITY_ATTACHED &&
				  facts->identity != DBM_IDENTITY_UNCONFIRMED;

	ereport(ERROR,
			(errcode(ERRCODE_DBM_OTHER_ENVIRONMENT),
			 errmsg("manifest is for environment \"%s\", not for \"%s\"", meant, facts->name),
			 copied ? errdetail("Database \"%s\" is a copy of environment \"%s\"; the manifest "
								"names \"%s\".",
								get_database_name(MyDatabaseId), facts->name, meant)
					: errdetail("Database \"%s\" is environment \"%s\"; the manifest names \"%s\".",
								get_database_name(MyDatabaseId), facts->name, meant),
			 copied ? errhint("If it is to be \"%s\", run: SELECT dbm_attach('<reason>', %s);",
							  meant, quote_literal_cstr(meant))
					: errhint("Connect to the database of \"%s\".  To see which one a database is, "
							  "run: SELECT environment FROM dbm_status();",
							  meant)));
}

/*
 * Nothing else tells a client whose connection string leads to another database
 * than it believes: the changes of one environment would run in another.
 */
static void
require_this_environment(JsonbContainer *object)
{
	const char *here = dbm_environment()->name;
	JsonbValue space;
	JsonbValue *value = find_key(object, "environment", &space);
	char *meant;

	if (value == NULL || value->type == jbvNull)
		return;
	meant = read_text(object, "environment");
	if (meant == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value of \"environment\" in the manifest"),
						errhint("Give the name of the environment that the manifest is for.")));
	if (strcmp(meant, here) != 0)
		raise_other_environment(meant);
}

DbmManifest *
dbm_manifest_read(Jsonb *json)
{
	DbmManifest *manifest = palloc0(sizeof(DbmManifest));
	JsonbContainer *changes = NULL;

	manifest->last_run = -1;
	if (JB_ROOT_IS_ARRAY(json) && !JB_ROOT_IS_SCALAR(json))
		changes = &json->root;
	else if (JB_ROOT_IS_OBJECT(json))
	{
		require_this_environment(&json->root);
		read_fingerprint(&json->root, manifest);
		changes = find_changes(&json->root);
	}
	if (changes == NULL && manifest->fingerprint == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("manifest must be a JSON array, or an object with \"changes\""),
						errhint("Elements are {\"change\": \"<name>\", \"hash\": \"<SHA-256 of the "
								"script, hex>\"}.")));
	if (changes)
		read_entries(changes, manifest, true);
	return manifest;
}

static int
compare_strings(const void *left, const void *right)
{
	return strcmp(*(char *const *) left, *(char *const *) right);
}

void
dbm_manifest_require_names(const DbmManifest *manifest)
{
	char **names = MemoryContextAllocHuge(CurrentMemoryContext,
										  (Size) (manifest->nentries + 1) * sizeof(char *));

	for (int at = 0; at < manifest->nentries; at++)
	{
		names[at] = manifest->entries[at].change;
		dbm_change_require_name(names[at]);
	}
	qsort(names, manifest->nentries, sizeof(char *), compare_strings);
	for (int at = 1; at < manifest->nentries; at++)
	{
		if (strcmp(names[at - 1], names[at]) == 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("change \"%s\" is in the manifest twice", names[at]),
							errhint("Name each change once.")));
	}
	pfree(names);
}

/* ---- manifests of environments ---- */

static void
raise_malformed_followed(const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid manifest of the environment that is followed"),
					errdetail("%s", detail),
					errhint("Pass what SELECT dbm_manifest(); returns there, as it is.")));
}

static void
require_format(JsonbContainer *object)
{
	JsonbValue space;
	JsonbValue *format = find_key(object, "format", &space);

	if (format == NULL || format->type != jbvNumeric ||
		DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(format->val.numeric))) !=
			DBM_MANIFEST_FORMAT)
		raise_malformed_followed(psprintf("Its format is not %d.", DBM_MANIFEST_FORMAT));
}

static void
require_right_environment(const DbmFollowed *followed)
{
	const DbmEnvironment *facts = dbm_environment();

	if (facts->follows == NULL)
		ereport(ERROR, (errcode(ERRCODE_DBM_NOT_PROMOTED),
						errmsg("environment \"%s\" does not follow any other", facts->name),
						errdetail("The manifest is of environment \"%s\".", followed->environment),
						errhint("Deploy without it, or run: SELECT dbm_configure('follows', %s);",
								quote_literal_cstr(followed->environment))));
	if (strcmp(facts->follows, followed->environment) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DBM_NOT_PROMOTED),
				 errmsg("environment \"%s\" does not follow \"%s\"", facts->name,
						followed->environment),
				 errdetail("It follows \"%s\".", facts->follows),
				 errhint("Pass what SELECT dbm_manifest(); returns in \"%s\".", facts->follows)));
	if (strcmp(followed->identity, dbm_identity_name(DBM_IDENTITY_ATTACHED)) != 0 &&
		strcmp(followed->identity, dbm_identity_name(DBM_IDENTITY_UNCONFIRMED)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DBM_DETACHED),
				 errmsg("environment \"%s\" cannot be followed: the manifest comes from a copy",
						followed->environment),
				 errdetail("That database is %s: its identifiers are not those it was bound to.",
						   followed->identity),
				 errhint("Fetch the manifest from the environment itself, or run there: SELECT "
						 "dbm_attach('<reason>', %s);",
						 quote_literal_cstr(followed->environment))));
}

static void
note_followed(DbmFollowed *followed, const DbmManifestEntry *entry)
{
	bool found;
	DbmFollowedChange *change;

	if (!entry->has_hash || !entry->has_tokens)
		raise_malformed_followed(
			psprintf("Change \"%s\" has no hash, or none of its tokens.", entry->change));
	change = hash_search(followed->changes, &entry->change, HASH_ENTER, &found);
	if (found)
		raise_malformed_followed(psprintf("Change \"%s\" is in it twice.", entry->change));
	memcpy(change->hash, entry->hash, DBM_DIGEST_LENGTH);
	memcpy(change->tokens, entry->tokens, DBM_DIGEST_LENGTH);
}

DbmFollowed *
dbm_followed_read(Jsonb *json)
{
	DbmFollowed *followed = palloc0(sizeof(DbmFollowed));
	DbmManifest changes = {0};
	JsonbContainer *array;

	if (!JB_ROOT_IS_OBJECT(json))
		raise_malformed_followed("It is not a JSON object.");
	require_format(&json->root);
	followed->environment = read_text(&json->root, "environment");
	followed->identity = read_text(&json->root, "identity");
	array = find_changes(&json->root);
	if (followed->environment == NULL || followed->identity == NULL || array == NULL)
		raise_malformed_followed("It has no environment, no identity or no changes.");
	require_right_environment(followed);
	read_entries(array, &changes, false);
	followed->changes = dbm_manifest_hash("dbmaestro followed", sizeof(DbmFollowedChange));
	for (int at = 0; at < changes.nentries; at++)
		note_followed(followed, &changes.entries[at]);
	return followed;
}

const DbmFollowedChange *
dbm_followed_find(const DbmFollowed *followed, const char *change)
{
	return hash_search(followed->changes, &change, HASH_FIND, NULL);
}

char *
dbm_manifest_environment(Jsonb *json)
{
	return read_text(&json->root, "environment");
}

Jsonb *
dbm_followed_part(const DbmFollowed *followed, const DbmManifest *manifest)
{
	JsonbParseState *state = NULL;

	dbm_manifest_push_head(&state, followed->environment, followed->identity);
	for (int at = 0; at < manifest->nentries; at++)
	{
		const DbmFollowedChange *change = dbm_followed_find(followed, manifest->entries[at].change);

		if (change == NULL)
			continue;
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		dbm_manifest_push(&state, "change", change->change);
		dbm_manifest_push(&state, "hash", dbm_hex(change->hash, DBM_DIGEST_LENGTH));
		dbm_manifest_push(&state, "tokens", dbm_hex(change->tokens, DBM_DIGEST_LENGTH));
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return dbm_manifest_push_end(&state);
}

/* ---- writing ---- */

static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue value = {.type = jbvString};

	value.val.string.val = unconstify(char *, key);
	value.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &value);
}

void
dbm_manifest_push(JsonbParseState **state, const char *key, char *text)
{
	JsonbValue value = {.type = jbvString};

	push_key(state, key);
	value.val.string.val = text;
	value.val.string.len = strlen(text);
	pushJsonbValue(state, WJB_VALUE, &value);
}

void
dbm_manifest_push_head(JsonbParseState **state, const char *environment, const char *identity)
{
	JsonbValue format = {.type = jbvNumeric};

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_key(state, "format");
	format.val.numeric = int64_to_numeric(DBM_MANIFEST_FORMAT);
	pushJsonbValue(state, WJB_VALUE, &format);
	dbm_manifest_push(state, "environment", pstrdup(environment));
	dbm_manifest_push(state, "identity", pstrdup(identity));
	push_key(state, "changes");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
}

Jsonb *
dbm_manifest_push_end(JsonbParseState **state)
{
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(pushJsonbValue(state, WJB_END_OBJECT, NULL));
}
