/*
 * ledger/plan.c: dbm_plan, a whole repository against the ledger in one call
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"

#include "audit/refusal.h"
#include "core/compat.h"
#include "core/digest.h"
#include "core/errors.h"
#include "core/installed.h"
#include "core/own_statement.h"
#include "ledger/fingerprint.h"
#include "ledger/manifest.h"
#include "ledger/tables.h"
#include "ledger/unfinished.h"
#include "pipeline/capability.h"

PG_FUNCTION_INFO_V1(dbm_plan);

/* A change that the ledger or the manifest names, found by its name. */
typedef struct KnownChange
{
	char *change;				/* key */
	bool in_ledger;				/* else the rest means nothing */
	bool applied;
	bool versioned;
	bool in_manifest;
	uint8 script[DBM_DIGEST_LENGTH];
	uint8 tokens[DBM_DIGEST_LENGTH];
	char *state;
} KnownChange;

/* What is asked, what is known, and where the answer goes. */
typedef struct Comparison
{
	const DbmManifest *manifest;
	const DbmFollowed *followed;	/* or NULL */
	HTAB *ledger;				/* of KnownChange */
	KnownChange **known;		/* one per entry of the manifest */
	int last_applied;			/* place of the last applied versioned one, -1 for none */
	int64 last_run;
	bool all_applied;			/* of what was judged up to now */
	ReturnSetInfo *result;
} Comparison;

static void
read_digest(const DbmRow *row, int column, uint8 *digest)
{
	if (!dbm_row_digest(row, column, digest))
		memset(digest, 0, DBM_DIGEST_LENGTH);
}

/* Reads table change into a hash. */
static void
read_ledger(Comparison *plan)
{
	DbmRow *row = dbm_row_make(&dbm_change_table);
	DbmScan *scan = dbm_scan_begin(&dbm_change_table, dbm_change_table.primary_key, 0, NULL);

	plan->ledger = dbm_manifest_hash("dbmaestro plan", sizeof(KnownChange));
	while (dbm_scan_next(scan, row))
	{
		char *name = dbm_row_text(row, DBM_CHANGE_CHANGE);
		KnownChange *entry = hash_search(plan->ledger, &name, HASH_ENTER, NULL);

		entry->in_ledger = true;
		entry->state = dbm_row_text(row, DBM_CHANGE_STATE);
		entry->applied = strcmp(entry->state, "applied") == 0;
		entry->versioned = strcmp(dbm_row_text(row, DBM_CHANGE_KIND), "versioned") == 0;
		entry->in_manifest = false;
		read_digest(row, DBM_CHANGE_SCRIPT, entry->script);
		read_digest(row, DBM_CHANGE_TOKENS, entry->tokens);
	}
	dbm_scan_end(scan);
}

static const char *
judge_applied(const DbmManifestEntry *entry, const KnownChange *known, char **detail)
{
	if (entry->has_hash ? memcmp(entry->hash, known->script, DBM_DIGEST_LENGTH) == 0
						: !entry->has_tokens)
		return "applied";
	if (entry->has_tokens && memcmp(entry->tokens, known->tokens, DBM_DIGEST_LENGTH) == 0)
	{
		if (entry->has_hash)
			*detail = "white space or comments differ";
		return "applied";
	}
	if (!known->versioned)
	{
		*detail = "runs again: its content has changed";
		return "pending";
	}
	*detail = psprintf("applied with SHA-256 %s", dbm_hex(known->script, DBM_DIGEST_LENGTH));
	return "changed";
}

/* Some of its steps are done: by this content or by another one? */
static const char *
judge_partial(const DbmManifestEntry *entry, const KnownChange *known, char **detail)
{
	DbmUnfinished unfinished;
	bool read = dbm_unfinished_read(known->change, &unfinished);

	/* what is on its way back goes there whatever the new content is */
	if (!(read && unfinished.rollback) && entry->has_hash &&
		memcmp(entry->hash, known->script, DBM_DIGEST_LENGTH) != 0)
	{
		*detail = psprintf("applied in part with SHA-256 %s",
						   dbm_hex(known->script, DBM_DIGEST_LENGTH));
		return "changed";
	}
	*detail = read ? pstrdup(unfinished.where) : NULL;
	return "partial";
}

/* Finds the change, or makes it known; raises if the manifest has named it before. */
static KnownChange *
note_entry(HTAB *ledger, const DbmManifestEntry *entry)
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

/* Finds all of the manifest; its order is the repository's, which names need not follow. */
static void
note_entries(Comparison *plan)
{
	plan->known = MemoryContextAllocHuge(
		CurrentMemoryContext, (Size) (plan->manifest->nentries + 1) * sizeof(KnownChange *));
	plan->last_applied = -1;
	for (int at = 0; at < plan->manifest->nentries; at++)
	{
		KnownChange *known = note_entry(plan->ledger, &plan->manifest->entries[at]);

		CHECK_FOR_INTERRUPTS();
		plan->known[at] = known;
		if (known->applied && known->versioned)
			plan->last_applied = at;
	}
}

/* Does it wait before one that did not?  Repeatable changes come at any time. */
static bool
is_overtaken(const Comparison *plan, int at)
{
	const KnownChange *known = plan->known[at];

	return at < plan->last_applied && !(known->in_ledger && !known->versioned);
}

/* Is it applied, with this content, in the environment that is followed? */
static bool
is_promoted(const DbmFollowed *followed, const DbmManifestEntry *entry, char **detail)
{
	const DbmFollowedChange *there = dbm_followed_find(followed, entry->change);

	if (there == NULL)
	{
		*detail = psprintf("not applied in \"%s\"", followed->environment);
		return false;
	}
	if (!entry->has_hash || memcmp(entry->hash, there->hash, DBM_DIGEST_LENGTH) == 0)
		return true;
	if (entry->has_tokens && memcmp(entry->tokens, there->tokens, DBM_DIGEST_LENGTH) == 0)
		*detail = psprintf("applied in \"%s\" with other white space or comments",
						   followed->environment);
	else
		*detail = psprintf("applied in \"%s\" with SHA-256 %s", followed->environment,
						   dbm_hex(there->hash, DBM_DIGEST_LENGTH));
	return false;
}

static const char *
judge(const Comparison *plan, int at, char **detail)
{
	const DbmManifestEntry *entry = &plan->manifest->entries[at];
	const KnownChange *known = plan->known[at];
	const char *state = "pending";

	*detail = NULL;
	if (known->in_ledger && known->applied)
	{
		state = judge_applied(entry, known, detail);
		if (strcmp(state, "pending") != 0)
			return state;
	}
	else if (known->in_ledger && strcmp(known->state, "partial") == 0)
		return judge_partial(entry, known, detail);
	else if (known->in_ledger)
		*detail = known->state;
	/* before its order: in whatever order, it would be refused */
	if (plan->followed && !is_promoted(plan->followed, entry, detail))
		return "not promoted";
	if (is_overtaken(plan, at))
	{
		*detail = psprintf("\"%s\" is applied already", plan->known[plan->last_applied]->change);
		return "out of order";
	}
	return state;
}

static void
put_row(const Comparison *plan, int position, const char *change, const char *state,
		const char *detail)
{
	Datum values[5] = {0};
	bool nulls[5] = {position == 0, change == NULL, false, detail == NULL, false};

	values[0] = Int32GetDatum(position);
	if (change)
		values[1] = CStringGetTextDatum(change);
	values[2] = CStringGetTextDatum(state);
	if (detail)
		values[3] = CStringGetTextDatum(detail);
	values[4] = Int64GetDatum(plan->last_run);
	tuplestore_putvalues(plan->result->setResult, plan->result->setDesc, values, nulls);
}

static int
compare_strings(const ListCell *left, const ListCell *right)
{
	return strcmp(lfirst(left), lfirst(right));
}

/* Applied here and not in the repository any more, in order of names. */
static void
put_missing(const Comparison *plan)
{
	HASH_SEQ_STATUS status;
	KnownChange *known;
	List *names = NIL;
	ListCell *cell;

	hash_seq_init(&status, plan->ledger);
	while ((known = hash_seq_search(&status)) != NULL)
	{
		if (known->applied && !known->in_manifest)
			names = lappend(names, known->change);
	}
	list_sort(names, compare_strings);
	foreach (cell, names)
		put_row(plan, 0, lfirst(cell), "missing", "applied here, but not in the manifest");
}

static void
compare_all(Comparison *plan)
{
	read_ledger(plan);
	note_entries(plan);
	plan->all_applied = true;
	for (int at = 0; at < plan->manifest->nentries; at++)
	{
		const char *state;
		char *detail;

		CHECK_FOR_INTERRUPTS();
		state = judge(plan, at, &detail);
		plan->all_applied = plan->all_applied && strcmp(state, "applied") == 0;
		put_row(plan, at + 1, plan->manifest->entries[at].change, state, detail);
	}
	put_missing(plan);
}

/*
 * The next one who asks for this repository need not send it.  What has been
 * read must be of one moment; and which changes the name stands for is to be a
 * deployer's word, not that of a function that a deployer has tripped over.
 */
static void
remember(FunctionCallInfo fcinfo, const Comparison *plan)
{
	const char *fingerprint = plan->manifest->fingerprint;

	if (fingerprint && plan->all_applied && !dbm_fingerprint_is_known(fingerprint) &&
		dbm_capability_has(GetAuthenticatedUserId(), DBM_CAPABILITY_DEPLOY) &&
		dbm_capability_has(GetUserId(), DBM_CAPABILITY_DEPLOY) && dbm_is_own_statement(fcinfo) &&
		dbm_fingerprint_last_run() == plan->last_run)
		dbm_fingerprint_remember(fingerprint, plan->last_run);
}

/*
 * Nothing if it is known.  If not, the name that is: a client that can tell what
 * has changed since need not read the rest of its repository again.
 */
static void
answer_of_fingerprint(const Comparison *plan)
{
	char *known = dbm_fingerprint_known();

	if (known == NULL || strcmp(known, plan->manifest->fingerprint) != 0)
		put_row(plan, 0, known, "unknown", "the manifest itself is needed to tell");
}

static Datum
plan_body(PG_FUNCTION_ARGS)
{
	Comparison plan = {0};

	dbm_require_initialised();
	dbm_capability_require_any("dbm_plan");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("manifest must not be null"),
				 errhint("Pass '[]' for an empty repository.")));
	plan.manifest = dbm_manifest_read(PG_GETARG_JSONB_P(0));
	if (!PG_ARGISNULL(1))
		plan.followed = dbm_followed_read(PG_GETARG_JSONB_P(1));
	plan.result = (ReturnSetInfo *) fcinfo->resultinfo;
	dbm_init_set_result(fcinfo);
	plan.last_run = dbm_fingerprint_last_run();
	if (plan.manifest->has_changes)
	{
		compare_all(&plan);
		remember(fcinfo, &plan);
	}
	else
		answer_of_fingerprint(&plan);
	return (Datum) 0;
}

Datum
dbm_plan(PG_FUNCTION_ARGS)
{
	return dbm_audit_call(fcinfo, "dbm_plan", plan_body);
}
