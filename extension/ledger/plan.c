/*
 * ledger/plan.c: dbm_plan, a whole repository against the ledger in one call
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"

#include "audit/refusal.h"
#include "core/digest.h"
#include "core/errors.h"
#include "core/compat.h"
#include "core/installed.h"
#include "ledger/tables.h"
#include "pipeline/capability.h"

PG_FUNCTION_INFO_V1(dbm_plan);

/* One element of the manifest. */
typedef struct ManifestEntry
{
	char *change;
	char *hash;					/* SHA-256 of the bytes in hex, or NULL */
	char *tokens;				/* SHA-256 of the tokens in hex, or NULL */
} ManifestEntry;

/* A change that the ledger or the manifest names, found by its name. */
typedef struct KnownChange
{
	char *change;				/* key */
	bool in_ledger;				/* else the rest means nothing */
	bool applied;
	bool versioned;
	bool in_manifest;
	char script[DBM_DIGEST_HEX_LENGTH + 1];
	char tokens[DBM_DIGEST_HEX_LENGTH + 1];
	char *state;
} KnownChange;

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

static void
put_hex(const DbmRow *row, int column, char *hex)
{
	uint8 digest[DBM_DIGEST_LENGTH];

	hex[0] = '\0';
	if (dbm_row_digest(row, column, digest))
		strlcpy(hex, dbm_hex(digest, DBM_DIGEST_LENGTH), DBM_DIGEST_HEX_LENGTH + 1);
}

/* Reads table change into a hash; greatest gets the last applied versioned name. */
static HTAB *
read_ledger(char **greatest)
{
	HASHCTL control = {
		.keysize = sizeof(char *),
		.entrysize = sizeof(KnownChange),
		.hash = hash_name,
		.match = compare_name,
		.hcxt = CurrentMemoryContext,
	};
	HTAB *known = hash_create("dbmaestro plan", 1024, &control,
							  HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmScan *scan = dbm_scan_begin(&dbm_change_table, dbm_change_table.primary_key, 0, NULL);

	*greatest = NULL;
	while (dbm_scan_next(scan, row))
	{
		char *name = dbm_row_text(row, DBM_CHANGE_CHANGE);
		KnownChange *entry = hash_search(known, &name, HASH_ENTER, NULL);

		entry->in_ledger = true;
		entry->state = dbm_row_text(row, DBM_CHANGE_STATE);
		entry->applied = strcmp(entry->state, "applied") == 0;
		entry->versioned = strcmp(dbm_row_text(row, DBM_CHANGE_KIND), "versioned") == 0;
		entry->in_manifest = false;
		put_hex(row, DBM_CHANGE_SCRIPT, entry->script);
		put_hex(row, DBM_CHANGE_TOKENS, entry->tokens);
		/* the index is in order of names, byte by byte */
		if (entry->applied && entry->versioned)
			*greatest = name;
	}
	dbm_scan_end(scan);
	return known;
}

static char *
get_field(JsonbContainer *object, const char *name)
{
	JsonbValue *value = getKeyJsonValueFromContainer(object, name, strlen(name), NULL);

	if (value == NULL || value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static void
read_entry(const JsonbValue *element, ManifestEntry *entry)
{
	if (element->type == jbvString)
	{
		entry->change = pnstrdup(element->val.string.val, element->val.string.len);
		entry->hash = entry->tokens = NULL;
		return;
	}
	entry->change = NULL;
	if (element->type == jbvBinary && JsonContainerIsObject(element->val.binary.data))
	{
		entry->change = get_field(element->val.binary.data, "change");
		entry->hash = get_field(element->val.binary.data, "hash");
		entry->tokens = get_field(element->val.binary.data, "tokens");
	}
	if (entry->change == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid element in the manifest"),
						errhint("Elements are {\"change\": \"<name>\", \"hash\": \"<SHA-256 of the "
								"script, hex>\"}.")));
}

static const char *
judge_applied(const ManifestEntry *entry, const KnownChange *known, char **detail)
{
	if (entry->hash ? pg_strcasecmp(entry->hash, known->script) == 0 : entry->tokens == NULL)
		return "applied";
	if (entry->tokens && pg_strcasecmp(entry->tokens, known->tokens) == 0)
	{
		if (entry->hash)
			*detail = "white space or comments differ";
		return "applied";
	}
	if (!known->versioned)
	{
		*detail = "runs again: its content has changed";
		return "pending";
	}
	*detail = psprintf("applied with SHA-256 %s", known->script);
	return "changed";
}

/* Finds the change, or makes it known; raises if the manifest has named it before. */
static KnownChange *
note_entry(HTAB *ledger, const ManifestEntry *entry)
{
	bool found;
	KnownChange *known = hash_search(ledger, &entry->change, HASH_ENTER, &found);

	if (!found)
	{
		known->in_ledger = known->applied = false;
		known->in_manifest = false;
	}
	if (known->in_manifest)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("change \"%s\" is in the manifest twice", entry->change),
						errhint("Name each change once.")));
	known->in_manifest = true;
	return known;
}

static const char *
judge(const ManifestEntry *entry, const KnownChange *known, const char *greatest, char **detail)
{
	*detail = NULL;
	if (known->in_ledger)
	{
		if (known->applied)
			return judge_applied(entry, known, detail);
		*detail = known->state;
	}
	if (greatest && strcmp(entry->change, greatest) < 0)
	{
		*detail = psprintf("\"%s\" is applied already", greatest);
		return "out of order";
	}
	return "pending";
}

static void
put_row(ReturnSetInfo *result, int position, const char *change, const char *state,
		const char *detail)
{
	Datum values[4] = {0};
	bool nulls[4] = {position == 0, false, false, detail == NULL};

	values[0] = Int32GetDatum(position);
	values[1] = CStringGetTextDatum(change);
	values[2] = CStringGetTextDatum(state);
	if (detail)
		values[3] = CStringGetTextDatum(detail);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static int
compare_strings(const ListCell *left, const ListCell *right)
{
	return strcmp(lfirst(left), lfirst(right));
}

/* Applied here and not in the repository any more, in order of names. */
static void
put_missing(ReturnSetInfo *result, HTAB *ledger)
{
	HASH_SEQ_STATUS status;
	KnownChange *known;
	List *names = NIL;
	ListCell *cell;

	hash_seq_init(&status, ledger);
	while ((known = hash_seq_search(&status)) != NULL)
	{
		if (known->applied && !known->in_manifest)
			names = lappend(names, known->change);
	}
	list_sort(names, compare_strings);
	foreach (cell, names)
		put_row(result, 0, lfirst(cell), "missing", "applied here, but not in the manifest");
}

static Datum
plan_body(PG_FUNCTION_ARGS)
{
	Jsonb *manifest;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	HTAB *ledger;
	char *greatest;

	dbm_require_initialised();
	dbm_capability_require_any("dbm_plan");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("manifest must not be null"),
						errhint("Pass '[]' for an empty repository.")));
	manifest = PG_GETARG_JSONB_P(0);
	if (!JB_ROOT_IS_ARRAY(manifest) || JB_ROOT_IS_SCALAR(manifest))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("manifest must be a JSON array"),
						errhint("Elements are {\"change\": \"<name>\", \"hash\": \"<SHA-256 of the "
								"script, hex>\"}.")));
	dbm_init_set_result(fcinfo);
	ledger = read_ledger(&greatest);
	for (uint32 at = 0; at < JB_ROOT_COUNT(manifest); at++)
	{
		ManifestEntry entry;
		const char *state;
		char *detail;

		CHECK_FOR_INTERRUPTS();
		read_entry(getIthJsonbValueFromContainer(&manifest->root, at), &entry);
		state = judge(&entry, note_entry(ledger, &entry), greatest, &detail);
		put_row(result, at + 1, entry.change, state, detail);
	}
	put_missing(result, ledger);
	return (Datum) 0;
}

Datum
dbm_plan(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_plan", plan_body);
}
