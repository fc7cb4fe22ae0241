/*
 * cli/plan.c: what a commit would bring to an environment, as the server says
 *
 * First only the fingerprint is sent.  A server that knows it answers with no
 * row: it holds exactly these changes.  Then no script was read.
 *
 * A server that knows another one says which.  If that is the one of a commit
 * before, only what has changed since is read: the rest is named.
 *
 * Hashes of bytes do not tell white space and comments from the rest.  Only
 * where something has changed, the server gets those scripts and tells.
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "manifest.h"
#include "plan.h"
#include "queries.h"
#include "table.h"

const char *
plan_state(const Plan *plan, int row)
{
	return PQgetvalue(plan->rows, row, 2);
}

int
plan_count(const Plan *plan, const char *state)
{
	int count = 0;

	for (int row = 0; row < PQntuples(plan->rows); row++)
		count += strcmp(plan_state(plan, row), state) == 0;
	return count;
}

const Change *
plan_change(const Plan *plan, int row)
{
	int ordinal = PQgetisnull(plan->rows, row, 0) ? 0 : atoi(PQgetvalue(plan->rows, row, 0));

	if (plan->changes == NULL || ordinal < 1 || ordinal > plan->changes->count)
		return NULL;
	return &plan->changes->items[ordinal - 1];
}

/* Asks with a manifest; the answer is the server's. */
static PGresult *
ask(const Plan *plan, Connection *connection, json_t *changes, const char *followed)
{
	char *manifest = manifest_text(connection->environment->name, plan->fingerprint, NULL, changes);
	PGresult *answer = queries_plan(connection, manifest, followed);

	free(manifest);
	return answer;
}

/* Keeps of an answer what is not applied, or not quite as it is. */
static void
take(Plan *plan, PGresult *answer)
{
	static const TableColumn columns[] = {{"ordinal", INT4OID},
										  {"change", TEXTOID},
										  {"state", TEXTOID},
										  {"detail", TEXTOID},
										  {NULL, 0}};

	PQclear(plan->rows);
	plan->rows = answer;
	if (!connection_succeeded(answer))
		return;
	plan->rows = table_make(columns);
	for (int row = 0; row < PQntuples(answer); row++)
	{
		if (row == 0 && !PQgetisnull(answer, row, 4))
			plan->last_run = pg_strdup(PQgetvalue(answer, row, 4));
		if (strcmp(PQgetvalue(answer, row, 2), "applied") == 0 && PQgetisnull(answer, row, 3))
			continue;
		table_add(plan->rows, PQgetisnull(answer, row, 0) ? NULL : PQgetvalue(answer, row, 0),
				  PQgetvalue(answer, row, 1), PQgetvalue(answer, row, 2),
				  PQgetisnull(answer, row, 3) ? NULL : PQgetvalue(answer, row, 3));
	}
	PQclear(answer);
}

/* The manifest with the scripts of what has changed; NULL if none of them can be sent. */
static json_t *
add_scripts(const Plan *plan)
{
	json_t *changes = json_copy(plan->manifest);
	bool added = false;

	for (int row = 0; row < PQntuples(plan->rows); row++)
	{
		const Change *change = plan_change(plan, row);

		if (change && strcmp(plan_state(plan, row), "changed") == 0 &&
			manifest_add_script(changes, plan->changes, change))
			added = true;
	}
	if (!added)
	{
		json_decref(changes);
		return NULL;
	}
	return changes;
}

/* Does the server mind what it was sent, such as more than a JSON value can hold? */
static bool
cannot_be_taken(const PGresult *answer)
{
	const char *sqlstate = PQresultErrorField(answer, PG_DIAG_SQLSTATE);

	return sqlstate && (strncmp(sqlstate, "22", 2) == 0 || strncmp(sqlstate, "54", 2) == 0);
}

/* Has the server look at the scripts of what has changed. */
static void
ask_with_scripts(Plan *plan, Connection *connection, const char *followed)
{
	json_t *changes = add_scripts(plan);
	PGresult *answer;

	if (changes == NULL)
		return;
	answer = ask(plan, connection, changes, followed);
	json_decref(changes);
	/* what it has said of the hashes still stands */
	if (cannot_be_taken(answer))
		PQclear(answer);
	else
		take(plan, answer);
}

/* How far back to look for the commit that was deployed last. */
#define EARLIER_COMMITS 100

typedef struct Wanted
{
	const Config *config;
	const char *fingerprint;
} Wanted;

static bool
has_fingerprint(Repository *earlier, void *context)
{
	const Wanted *wanted = context;
	char *fingerprint = manifest_fingerprint(wanted->config, earlier);
	bool same = fingerprint && strcmp(fingerprint, wanted->fingerprint) == 0;

	pg_free(fingerprint);
	return same;
}

/* The changes of the commit before this one that the server knows to be applied, or NULL. */
static Changes *
read_known(const Plan *plan, const Config *config, Repository *repository)
{
	Wanted wanted = {.config = config, .fingerprint = PQgetvalue(plan->rows, 0, 1)};
	Repository *earlier;

	if (wanted.fingerprint[0] == '\0')
		return NULL;
	earlier = repository_open_earlier(repository, EARLIER_COMMITS, has_fingerprint, &wanted);
	return earlier ? changes_read(config, earlier) : NULL;
}

/* Is nothing said of a change that was sent by its name alone?  Something may have run meanwhile. */
static bool
stands(const Plan *plan)
{
	if (!connection_succeeded(plan->rows))
		return true;
	for (int row = 0; row < PQntuples(plan->rows); row++)
	{
		const Change *change = plan_change(plan, row);

		if (change && json_is_string(json_array_get(plan->manifest, change - plan->changes->items)))
			return false;
	}
	return true;
}

static void
ask_with_manifest(Plan *plan, Connection *connection, Changes *known, const char *followed)
{
	json_decref(plan->manifest);
	plan->manifest = manifest_changes(plan->changes, known);
	take(plan, ask(plan, connection, plan->manifest, followed));
}

Plan *
plan_fetch(Connection *connection, const Config *config, Repository *repository,
		   const char *followed)
{
	Plan *plan = pg_malloc0(sizeof(Plan));
	Changes *known = NULL;

	plan->fingerprint = manifest_fingerprint(config, repository);
	if (plan->fingerprint)
	{
		take(plan, ask(plan, connection, NULL, followed));
		/* a server that refuses this would refuse whatever else we sent */
		if (!connection_succeeded(plan->rows) || plan_count(plan, "unknown") == 0)
			return plan;
		known = read_known(plan, config, repository);
	}
	plan->changes = changes_read_sound(config, repository);
	ask_with_manifest(plan, connection, known, followed);
	if (known && !stands(plan))
		ask_with_manifest(plan, connection, NULL, followed);
	if (connection_succeeded(plan->rows) && plan_count(plan, "changed") > 0)
		ask_with_scripts(plan, connection, followed);
	return plan;
}

void
plan_release(Plan *plan)
{
	PQclear(plan->rows);
	json_decref(plan->manifest);
	plan->rows = NULL;
	plan->manifest = NULL;
}
