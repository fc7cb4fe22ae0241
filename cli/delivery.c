/*
 * cli/delivery.c: bringing a commit to an environment, as deploy, promote and resume do it
 *
 * Which changes are pending, and whether one may be applied, the server says.
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "delivery.h"
#include "deployment.h"
#include "manifest.h"
#include "message.h"
#include "outcome.h"
#include "plan.h"
#include "print.h"
#include "queries.h"
#include "table.h"
#include "unfinished.h"

static char *last_wanted = NULL;
static bool dry_run = false;
static bool single_transaction = false;

const Option delivery_options[] = {
	{OPTION_TEXT, 0, "to", &last_wanted, "CHANGE", "stop behind this change"},
	{OPTION_FLAG, 'n', "dry-run", &dry_run, NULL, "show what would be done, as plan does"},
	{OPTION_FLAG, '1', "single-transaction", &single_transaction, NULL,
	 "all changes or none, in one transaction"},
	{OPTION_GROUP, .value = (void *) lock_retry_options},
	{OPTION_END},
};

void
delivery_refuse_options(void)
{
	if (last_wanted || dry_run || single_transaction)
		message_die(EXIT_USAGE, "Leave it out, or do not name a change.",
					"--%s is about a deployment, and a change is named",
					last_wanted ? "to"
					: dry_run	? "dry-run"
								: "single-transaction");
}

/* Whatever is not applied as it is, is for dbm_apply to take or to refuse. */
static void
choose_steps(const Plan *plan, const char *last_wanted, Deployment *deployment)
{
	deployment->steps = pg_malloc0((PQntuples(plan->rows) + 1) * sizeof(Step));
	for (int row = 0; row < PQntuples(plan->rows); row++)
	{
		const Change *change = plan_change(plan, row);

		if (change == NULL || strcmp(plan_state(plan, row), "applied") == 0)
			continue;
		if (last_wanted && change > changes_find(plan->changes, last_wanted))
			continue;
		deployment->steps[deployment->count++].change = change;
	}
}

static void
require_last_wanted(Plan *plan, const Delivery *delivery)
{
	if (delivery->last_wanted == NULL)
		return;
	/* where nothing is pending, nothing was read */
	if (plan->changes == NULL)
		plan->changes = changes_read_sound(delivery->config, delivery->repository);
	if (changes_find(plan->changes, delivery->last_wanted) == NULL)
		message_die(EXIT_ERROR,
					psprintf("Run \"dbmaestro plan %s\" to see what is pending.",
							 delivery->connection->environment->name),
					"there is no change \"%s\" in %s", delivery->last_wanted,
					repository_describe(delivery->repository));
}

static void
warn_of_missing(const Plan *plan, const Delivery *delivery)
{
	int missing = plan_count(plan, "missing");

	if (missing > 0)
		message_warning("%d %s applied in \"%s\" that %s not in %s", missing,
						missing == 1 ? "change is" : "changes are",
						delivery->connection->environment->name, missing == 1 ? "is" : "are",
						repository_describe(delivery->repository));
}

/* The deployment is of the changes that are to come, and brings nothing else. */
static json_t *
step_manifest(const Deployment *deployment, const Plan *plan)
{
	json_t *changes = json_array();

	for (int at = 0; at < deployment->count; at++)
		json_array_append(changes, json_array_get(plan->manifest, deployment->steps[at].change -
																	  plan->changes->items));
	return changes;
}

static void
start(Deployment *deployment, const Plan *plan, const Delivery *delivery)
{
	json_t *changes = step_manifest(deployment, plan);
	/* with a part of them, the whole that the fingerprint names is not reached */
	char *manifest = manifest_text(deployment->connection->environment->name,
								   delivery->last_wanted ? NULL : plan->fingerprint, plan->last_run,
								   changes);
	json_t *claims = repository_claims(deployment->repository);
	char *commit;
	PGresult *result;

	if (deployment->single_transaction)
		json_object_set_new(claims, "single_transaction", json_true());
	commit = json_dumps(claims, JSON_COMPACT);
	result = queries_deployment_start(deployment->connection, manifest, commit, delivery->followed);
	connection_expect(deployment->connection, result);
	deployment->number = pg_strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	json_decref(changes);
	json_decref(claims);
	free(commit);
	free(manifest);
}

/* --- telling --------------------------------------------------------------- */

static PGresult *
step_rows(const Deployment *deployment)
{
	static const TableColumn columns[] = {{"change", TEXTOID},	 {"outcome", TEXTOID},
										  {"run", INT8OID},		 {"statements", INT4OID},
										  {"duration", TEXTOID}, {NULL, 0}};
	PGresult *rows = table_make(columns);

	for (int at = 0; at < deployment->count; at++)
	{
		const Step *step = &deployment->steps[at];

		table_add(rows, step->change->name, step->outcome, step->run, step->statements,
				  step->duration);
	}
	return rows;
}

static void
print_outcome(const Deployment *deployment, const Delivery *delivery, const char *outcome)
{
	json_t *facts = json_object();

	json_object_set_new(facts, "environment", json_string(delivery->connection->environment->name));
	json_object_set_new(facts, "followed",
						delivery->source ? json_string(delivery->source) : json_null());
	json_object_set_new(facts, "deployment",
						deployment->number ? json_integer(strtoll(deployment->number, NULL, 10))
										   : json_null());
	json_object_set_new(facts, "outcome", json_string(outcome));
	json_object_set_new(facts, "commit", repository_claims(delivery->repository));
	outcome_print(facts, step_rows(deployment), deployment->error);
}

/* The change at which it ended: the one that failed, or the first that does not stand. */
static const char *
find_end(const Deployment *deployment)
{
	for (int at = deployment->committed; at < deployment->count; at++)
	{
		if (strcmp(deployment->steps[at].outcome, "failed") == 0)
			return deployment->steps[at].change->name;
	}
	return deployment->steps[Min(deployment->committed, deployment->count - 1)].change->name;
}

static void
hint_of_next(const Delivery *delivery, const char *change)
{
	if (delivery->anew)
		message_hint("Run \"dbmaestro %s\" again: it goes on with \"%s\" as it is in %s.  For a "
					 "later commit: dbmaestro %s",
					 delivery->again, change, repository_describe(delivery->repository),
					 delivery->anew);
	else
		message_hint("Run \"dbmaestro %s\" again: it goes on with \"%s\".", delivery->again,
					 change);
}

/* Says how things stand after a deployment that did not reach its end. */
static ExitCode
tell_failure(const Deployment *deployment, const Delivery *delivery)
{
	const char *name = delivery->connection->environment->name;
	const char *end = find_end(deployment);
	ExitCode code = EXIT_ERROR;

	if (deployment->error)
		code = message_server_error(deployment->error);
	if (deployment->outcome == PIPELINE_LOST)
	{
		message_error("the connection to \"%s\" was lost during deployment %s", name,
					  deployment->number);
		message_detail("%d of %d changes are applied.  Whether \"%s\" is, the server knows.",
					   deployment->committed, deployment->count, end);
		message_hint("Run \"dbmaestro status %s\", then \"dbmaestro %s\" to go on.", name,
					 delivery->again);
		return EXIT_INTERRUPTED;
	}
	message_error("deployment %s to \"%s\" %s at change \"%s\"", deployment->number, name,
				  connection_interrupted() ? "was cancelled" : "has failed", end);
	message_detail("%d of %d changes are applied.", deployment->committed, deployment->count);
	if (!unfinished_hint(deployment->connection, deployment->error, end))
		hint_of_next(delivery, deployment->steps[deployment->committed].change->name);
	return connection_interrupted() ? EXIT_INTERRUPTED : code;
}

static ExitCode
run(Deployment *deployment, Plan *plan, const Delivery *delivery)
{
	connection_protect(deployment->connection);
	start(deployment, plan, delivery);
	plan_release(plan);
	deployment_run(deployment);
	print_outcome(deployment, delivery, deployment_outcome(deployment));
	if (deployment->committed < deployment->count || deployment->outcome == PIPELINE_LOST)
		return tell_failure(deployment, delivery);
	if (deployment->error)
		return message_server_error(deployment->error);
	if (delivery->source)
		message_info("that \"%s\" has these changes is recorded as unverified", delivery->source);
	return EXIT_DONE;
}

static void
tell_nothing(const Delivery *delivery)
{
	bool part = delivery->last_wanted != NULL;

	message_info("nothing to do: \"%s\" has all changes of %s%s%s%s",
				 delivery->connection->environment->name, repository_describe(delivery->repository),
				 part ? " up to \"" : "", part ? delivery->last_wanted : "", part ? "\"" : "");
}

bool
delivery_is_shown_only(void)
{
	return dry_run;
}

void
delivery_follow(Delivery *delivery, const Environment *source)
{
	Connection *connection = connection_open(source);
	PGresult *result = connection_expect(connection, queries_manifest(connection));

	delivery->source = source->name;
	delivery->followed = pg_strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	connection_close(connection);
}

ExitCode
delivery_run(Delivery *delivery)
{
	Deployment deployment = {.connection = delivery->connection,
							 .repository = delivery->repository,
							 .single_transaction = single_transaction ||
												   delivery->single_transaction};
	Plan *plan;

	lock_retry_check_options();
	if (last_wanted)
		delivery->last_wanted = last_wanted;
	plan = plan_fetch(delivery->connection, delivery->config, delivery->repository,
					  delivery->followed);
	connection_expect(delivery->connection, plan->rows);
	require_last_wanted(plan, delivery);
	warn_of_missing(plan, delivery);
	choose_steps(plan, delivery->last_wanted, &deployment);
	if (deployment.count > 0 && dry_run)
		print_rows(plan->rows, NULL);
	else if (deployment.count > 0)
		return run(&deployment, plan, delivery);
	else
	{
		print_outcome(&deployment, delivery, "nothing to do");
		tell_nothing(delivery);
	}
	return EXIT_DONE;
}
