/*
 * ledger/change.c: tables change and script
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_extension.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "audit/refusal.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/settings.h"
#include "ledger/change.h"
#include "ledger/tables.h"

#define DBM_CHANGE_NAME_LENGTH 200

static const char *
require_text(FunctionCallInfo fcinfo, int argument, const char *what, Size *length, Datum *content)
{
	text *value;

	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", what),
				 errhint("Pass the name of the change and the text of its script.")));
	value = PG_GETARG_TEXT_PP(argument);
	if (length)
		*length = VARSIZE_ANY_EXHDR(value);
	if (content)
		*content = PointerGetDatum(value);
	return text_to_cstring(value);
}

static void
check_claims(Jsonb *claims)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;

	if (!JB_ROOT_IS_OBJECT(claims))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("header must be a JSON object"),
				 errhint("Pass for instance '{\"commit\": \"4f2a...\"}'.")));
	iterator = JsonbIteratorInit(&claims->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		const char *key;

		if (token != WJB_KEY)
			continue;
		/* header fields that the server reads from the script are not the client's to claim */
		key = dbm_script_key(value.val.string.val, value.val.string.len);
		if (key)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("header field \"%s\" cannot be claimed by the client", key),
							errhint("Write \"-- %s: ...\" at the top of the script.", key)));
	}
}

void
dbm_change_name(FunctionCallInfo fcinfo, DbmChange *change)
{
	memset(change, 0, sizeof(DbmChange));
	change->name = require_text(fcinfo, 0, "name of the change", NULL, NULL);
	dbm_refusal_subject(change->name);
}

void
dbm_change_arguments(FunctionCallInfo fcinfo, DbmChange *change)
{
	change->text = require_text(fcinfo, 1, "script", &change->length, &change->content);
	if (!PG_ARGISNULL(2))
		change->rollback_text = require_text(fcinfo, 2, "rollback script", &change->rollback_length,
											 &change->rollback_content);
	if (PG_ARGISNULL(3))
		change->claims = DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
	else
		change->claims = PG_GETARG_DATUM(3);
	check_claims(DatumGetJsonbP(change->claims));
}

/* Names are keys, and people read them in lists. */
void
dbm_change_require_name(const char *name)
{
	bool control = false;

	for (const char *at = name; *at; at++)
		control = control || (unsigned char) *at < ' ' || *at == 0x7f;
	if (control || name[0] == '\0' || strlen(name) > DBM_CHANGE_NAME_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_DBM_CHANGE_NAME),
				 errmsg("invalid name of a change: \"%s\"",
						pnstrdup(name, pg_mbcliplen(name, strlen(name), DBM_CHANGE_NAME_LENGTH))),
				 errdetail("Names have 1 to %d bytes and no control characters.",
						   DBM_CHANGE_NAME_LENGTH),
				 errhint("Rename it, for instance 20261122_101500_create_orders.")));
}

static void
check_name(const DbmChange *change)
{
	const char *pattern = dbm_setting_text(DBM_SETTING_CHANGE_NAME_PATTERN);

	dbm_change_require_name(change->name);
	if (change->repeatable)
		return;
	if (!DatumGetBool(DirectFunctionCall2Coll(textregexeq, C_COLLATION_OID,
											  CStringGetTextDatum(change->name),
											  CStringGetTextDatum(pattern))))
		ereport(ERROR,
				(errcode(ERRCODE_DBM_CHANGE_NAME),
				 errmsg("invalid name of a change: \"%s\"", change->name),
				 errdetail("Names match the regular expression %s in this environment.", pattern),
				 errhint("Rename it, for instance 20261122_101500_create_orders, or set "
						 "change_name_pattern with dbm_configure.")));
}

static bool
header_says_yes(const DbmScript *script, const char *key)
{
	const char *value = dbm_script_header(script, key);

	return value && (pg_strcasecmp(value, "yes") == 0 || pg_strcasecmp(value, "true") == 0 ||
					 pg_strcasecmp(value, "on") == 0);
}

void
dbm_change_read(DbmChange *change)
{
	DbmScriptRules rules = {
		.name = change->name,
		.allow_secrets = dbm_setting_bool(DBM_SETTING_ALLOW_SECRETS),
		.allow_empty = dbm_setting_bool(DBM_SETTING_ALLOW_EMPTY),
		.in_steps = change->in_steps,
	};

	change->script = dbm_script_read(change->text, change->length, &rules);
	change->repeatable = header_says_yes(change->script, "Repeatable");
	check_name(change);
	dbm_script_check(change->script, &rules);
	if (change->rollback_text)
	{
		rules.rollback = true;
		rules.allow_empty = true;
		/* how it is rolled back is decided when it is */
		rules.in_steps = true;
		change->rollback = dbm_script_read(change->rollback_text, change->rollback_length, &rules);
		dbm_script_check(change->rollback, &rules);
	}
	dbm_approval_digest(change->name, change->script, change->rollback, dbm_environment()->name,
						change->approval);
}

/*
 * Names share the objsubids from FIRST_CHANGE_LOCK up on the extension; two that
 * fall on the same one wait for each other without need, no more.
 */
#define FIRST_CHANGE_LOCK 1024

void
dbm_change_lock(const char *name)
{
	uint32 hash = DatumGetUInt32(hash_any((const unsigned char *) name, strlen(name)));

	LockDatabaseObject(ExtensionRelationId, dbm_extension_oid(),
					   FIRST_CHANGE_LOCK + hash % (PG_UINT16_MAX - FIRST_CHANGE_LOCK),
					   ExclusiveLock);
}

bool
dbm_change_find(const char *name, DbmRow *row, ItemPointer tid)
{
	return dbm_table_get_text(&dbm_change_table, name, row, tid);
}

void
dbm_change_release_text(DbmChange *change)
{
	pfree(unconstify(char *, change->text));
	change->text = change->script->text = NULL;
	if (change->rollback == NULL)
		return;
	pfree(unconstify(char *, change->rollback_text));
	change->rollback_text = change->rollback->text = NULL;
}

static const char *
kind_of(const DbmChange *change)
{
	return change->repeatable ? "repeatable" : "versioned";
}

bool
dbm_change_is(const DbmRow *row, const char *state)
{
	return strcmp(dbm_row_text(row, DBM_CHANGE_STATE), state) == 0;
}

/* One header line does not make a change that was to run once one that runs again. */
bool
dbm_change_runs_again(const DbmRow *row, const DbmChange *change)
{
	return change->repeatable && strcmp(dbm_row_text(row, DBM_CHANGE_KIND), kind_of(change)) == 0;
}

/* The promise made when it was applied stands; a better rollback script is a new promise. */
void
dbm_change_note_rollback(const DbmRow *row, const DbmChange *change)
{
	uint8 stored[DBM_DIGEST_LENGTH];
	uint8 given[DBM_DIGEST_LENGTH];
	bool has_stored = dbm_row_digest(row, DBM_CHANGE_ROLLBACK, stored);

	if (change->rollback_text == NULL)
		return;
	dbm_digest_of(change->rollback_text, change->rollback_length, given);
	if (!has_stored || memcmp(stored, given, DBM_DIGEST_LENGTH) != 0)
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("rollback script of change \"%s\" differs from the one stored when it was "
						"applied",
						change->name),
				 errdetail("The stored one stays.")));
}

void
dbm_change_require_same(const DbmRow *row, const DbmChange *change)
{
	uint8 digest[DBM_DIGEST_LENGTH];

	if (dbm_row_digest(row, DBM_CHANGE_SCRIPT, digest) &&
		memcmp(digest, change->script->bytes_digest, DBM_DIGEST_LENGTH) == 0)
		return;
	if (dbm_row_digest(row, DBM_CHANGE_TOKENS, digest) &&
		memcmp(digest, change->script->tokens_digest, DBM_DIGEST_LENGTH) == 0)
	{
		ereport(NOTICE, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
						 errmsg("script of change \"%s\" differs from the one applied in white "
								"space or comments only",
								change->name)));
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DBM_CHECKSUM),
			 errmsg("change \"%s\" has been applied with other content", change->name),
			 errdetail("Applied: SHA-256 %s; now: %s.",
					   dbm_row_digest(row, DBM_CHANGE_SCRIPT, digest)
						   ? dbm_hex(digest, DBM_DIGEST_LENGTH)
						   : "unrecorded",
					   dbm_hex(change->script->bytes_digest, DBM_DIGEST_LENGTH)),
			 errhint("Put the script back as it was and write a new change, or roll this one back "
					 "first with dbm_rollback.")));
}

void
dbm_change_store_script(const DbmScript *script, Datum content)
{
	DbmRow *row = dbm_row_make(&dbm_script_table);
	ScanKeyData key;
	DbmScan *scan;
	bool found;

	ScanKeyInit(&key, DBM_SCRIPT_DIGEST + 1, BTEqualStrategyNumber, F_BYTEAEQ,
				PointerGetDatum(dbm_bytea(script->bytes_digest, DBM_DIGEST_LENGTH)));
	scan = dbm_scan_begin(&dbm_script_table, dbm_script_table.primary_key, 1, &key);
	found = dbm_scan_next(scan, row);
	dbm_scan_end(scan);
	if (found)
		return;
	row = dbm_row_make(&dbm_script_table);
	dbm_row_set_digest(row, DBM_SCRIPT_DIGEST, script->bytes_digest);
	dbm_row_set(row, DBM_SCRIPT_CONTENT, content);
	dbm_row_set_int64(row, DBM_SCRIPT_LENGTH, (int64) script->length);
	dbm_row_set(row, DBM_SCRIPT_STORED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_table_insert(row);
}

void
dbm_change_store_scripts(const DbmChange *change)
{
	dbm_change_store_script(change->script, change->content);
	if (change->rollback)
		dbm_change_store_script(change->rollback, change->rollback_content);
}

bool
dbm_submission_exists(const char *name, const uint8 *approval)
{
	DbmRow *row = dbm_row_make(&dbm_submission_table);
	ScanKeyData keys[2];
	DbmScan *scan;
	bool found;

	ScanKeyInit(&keys[0], DBM_SUBMISSION_CHANGE + 1, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(name));
	ScanKeyInit(&keys[1], DBM_SUBMISSION_APPROVAL + 1, BTEqualStrategyNumber, F_BYTEAEQ,
				PointerGetDatum(dbm_bytea(approval, DBM_DIGEST_LENGTH)));
	scan = dbm_scan_begin(&dbm_submission_table, "submission_approval_key", 2, keys);
	found = dbm_scan_next(scan, row);
	dbm_scan_end(scan);
	return found;
}

bool
dbm_change_applied(const char *name)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);

	return dbm_change_find(name, row, NULL) && dbm_change_is(row, "applied");
}

char *
dbm_script_content(const uint8 *digest, Size *length)
{
	DbmRow *row = dbm_row_make(&dbm_script_table);
	ScanKeyData key;
	DbmScan *scan;
	char *content = NULL;

	ScanKeyInit(&key, DBM_SCRIPT_DIGEST + 1, BTEqualStrategyNumber, F_BYTEAEQ,
				PointerGetDatum(dbm_bytea(digest, DBM_DIGEST_LENGTH)));
	scan = dbm_scan_begin(&dbm_script_table, dbm_script_table.primary_key, 1, &key);
	if (dbm_scan_next(scan, row))
	{
		content = dbm_row_text(row, DBM_SCRIPT_CONTENT);
		*length = (Size) dbm_row_int64(row, DBM_SCRIPT_LENGTH);
	}
	dbm_scan_end(scan);
	if (content == NULL)
		elog(ERROR, "script %s is not stored", dbm_hex(digest, DBM_DIGEST_LENGTH));
	return content;
}

/* All values of a header field that may be there more than once, a line each. */
static char *
join_values(const DbmScript *script, const char *key)
{
	StringInfoData values;
	ListCell *cell;

	initStringInfo(&values);
	foreach (cell, script->header)
	{
		DbmHeaderField *field = lfirst(cell);

		if (strcmp(field->key, key) == 0)
			appendStringInfo(&values, "%s%s", values.len > 0 ? "\n" : "", field->value);
	}
	return values.data;
}

Datum
dbm_header_jsonb(const DbmScript *script)
{
	StringInfoData json;
	ListCell *cell;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	foreach (cell, script->header)
	{
		DbmHeaderField *field = lfirst(cell);

		/* of keys that repeat, jsonb keeps the last, which is as good as the first */
		if (json.len > 1)
			appendStringInfoChar(&json, ',');
		escape_json(&json, field->key);
		appendStringInfoChar(&json, ':');
		escape_json(&json, join_values(script, field->key));
	}
	appendStringInfoChar(&json, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

void
dbm_change_write(const DbmChange *change, const char *state, int64 run)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmRow *present = dbm_row_make(&dbm_change_table);
	ItemPointerData tid;

	dbm_change_store_scripts(change);
	dbm_row_set_text(row, DBM_CHANGE_CHANGE, change->name);
	dbm_row_set_text(row, DBM_CHANGE_KIND, kind_of(change));
	dbm_row_set_text(row, DBM_CHANGE_STATE, state);
	dbm_row_set_digest(row, DBM_CHANGE_SCRIPT, change->script->bytes_digest);
	dbm_row_set_digest(row, DBM_CHANGE_TOKENS, change->script->tokens_digest);
	if (change->rollback)
		dbm_row_set_digest(row, DBM_CHANGE_ROLLBACK, change->rollback->bytes_digest);
	dbm_row_set_digest(row, DBM_CHANGE_APPROVAL, change->approval);
	dbm_row_set(row, DBM_CHANGE_HEADER, dbm_header_jsonb(change->script));
	dbm_row_set(row, DBM_CHANGE_CLAIMS, change->claims);
	dbm_row_set(row, DBM_CHANGE_RECORDED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_text(row, DBM_CHANGE_RECORDED_BY,
					 GetUserNameFromId(GetAuthenticatedUserId(), false));
	if (run != 0)
		dbm_row_set_int64(row, DBM_CHANGE_APPLIED_RUN, run);
	if (dbm_change_find(change->name, present, &tid))
		dbm_table_update(row, &tid);
	else
		dbm_table_insert(row);
}

void
dbm_change_set_state(const char *name, const char *state, int64 run)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);
	ItemPointerData tid;

	if (!dbm_change_find(name, row, &tid))
		elog(ERROR, "change \"%s\" is gone", name);
	dbm_row_set_text(row, DBM_CHANGE_STATE, state);
	dbm_row_set(row, DBM_CHANGE_RECORDED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	dbm_row_set_text(row, DBM_CHANGE_RECORDED_BY,
					 GetUserNameFromId(GetAuthenticatedUserId(), false));
	row->nulls[DBM_CHANGE_APPLIED_RUN] = true;
	if (run != 0)
		dbm_row_set_int64(row, DBM_CHANGE_APPLIED_RUN, run);
	dbm_table_update(row, &tid);
}
