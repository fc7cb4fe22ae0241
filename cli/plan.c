/*
 * cli/plan.c: what a commit would bring to an environment, as the server says
 *
 * First only the fingerprint is sent.  A server that knows it answers with no
 * row: it holds exactly these changes.  Then no script was read.
 */
#include "postgres_fe.h"

#include "manifest.h"
#include "plan.h"
#include "queries.h"

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

/* Is the fingerprint enough?  Also if the server refuses: whatever else we sent, it would. */
static bool
ask_by_fingerprint(Plan *plan, Connection *connection)
{
	char *manifest;

	if (plan->fingerprint == NULL)
		return false;
	manifest = manifest_text(connection->environment->name, plan->fingerprint, NULL);
	plan->rows = queries_plan(connection, manifest);
	pg_free(manifest);
	if (!connection_succeeded(plan->rows) || plan_count(plan, "unknown") == 0)
		return true;
	PQclear(plan->rows);
	return false;
}

Plan *
plan_fetch(Connection *connection, const Config *config, Repository *repository)
{
	Plan *plan = pg_malloc0(sizeof(Plan));

	if (connection->knows_fingerprints)
		plan->fingerprint = manifest_fingerprint(config, repository);
	if (ask_by_fingerprint(plan, connection))
		return plan;
	plan->changes = changes_read_sound(config, repository);
	plan->manifest = manifest_changes(plan->changes);
	plan->rows = queries_plan(connection, manifest_text(connection->environment->name,
														plan->fingerprint, plan->manifest));
	return plan;
}
