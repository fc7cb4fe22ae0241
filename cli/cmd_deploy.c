/*
 * cli/cmd_deploy.c: dbmaestro deploy ENVIRONMENT
 *
 * Which changes are pending, and whether one may be applied, the server says.
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

#include "commands.h"
#include "deployment.h"
#include "manifest.h"
#include "message.h"
#include "plan.h"
#include "print.h"
#include "queries.h"
#include "table.h"

static char *last_wanted = NULL;
static bool dry_run = false;
static bool single_transaction = false;

const Option deploy_options[] = {
	{OPTION_GROUP, .value = (void *) repository_options},
	{OPTION_TEXT, 0, "to", &last_wanted, "CHANGE", "stop behind this change"},
	{OPTION_FLAG, 'n', "dry-run", &dry_run, NULL, "show what would be done, as plan does"},
	{OPTION_FLAG, '1', "single-transaction", &single_transaction, NULL,
	 "all changes or none, in one transaction"},
	{OPTION_END},
};

/* Whatever is not applied as it is, is for dbm_apply to take or to refuse. */
static void
choose_steps(const Plan *plan, Deployment *deployment)
{
	deployment->steps = pg_malloc0((PQntuples(plan->rows) + 1) * sizeof(Step));
	for (int row = 0; row < PQntuples(plan->rows); row++)
	{
		const Change *change = plan_change(plan, row);

		if (change == NULL)
			continue;
		if (last_wanted && change > changes_find(plan->changes, last_wanted))
			continue;
		deployment->steps[deployment->count++].change = change;
	}
}

static void
require_last_wanted(const Plan *plan, Repository *repository)
{
	if (last_wanted && plan->changes && changes_find(plan->changes, last_wanted) == NULL)
		message_die(EXIT_ERROR, "Run \"dbmaestro plan\" to see what is pending.",
					"there is no change \"%s\" in %s", last_wanted,
					repository_describe(repository));
}

static void
warn_of_missing(const Plan *plan, const Environment *environment, Repository *repository)
{
	int missing = plan_count(plan, "missing");

	if (missing > 0)
		message_warning("%d %s applied in \"%s\" that %s not in %s", missing,
						missing == 1 ? "change is" : "changes are", environment->name,
						missing == 1 ? "is" : "are", repository_describe(repository));
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
start(Deployment *deployment, const Plan *plan)
{
	json_t *changes = step_manifest(deployment, plan);
	/* with a part of them, the whole that the fingerprint names is not reached */
	char *manifest = manifest_text(deployment->connection->environment->name,
								   last_wanted ? NULL : plan->fingerprint, plan->last_run, changes);
	json_t *claims = repository_claims(deployment->repository);
	char *commit = json_dumps(claims, JSON_COMPACT);
	PGresult *result = queries_deployment_start(deployment->connection, manifest, commit, NULL);

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

static json_t *
error_field(const PGresult *error, int field)
{
	const char *value = PQresultErrorField(error, field);

	return value ? json_string(message_printable(value)) : json_null();
}

static json_t *
error_as_json(const PGresult *error)
{
	json_t *object;

	if (error == NULL)
		return json_null();
	object = json_object();
	json_object_set_new(object, "sqlstate", error_field(error, PG_DIAG_SQLSTATE));
	json_object_set_new(object, "message", error_field(error, PG_DIAG_MESSAGE_PRIMARY));
	json_object_set_new(object, "detail", error_field(error, PG_DIAG_MESSAGE_DETAIL));
	json_object_set_new(object, "hint", error_field(error, PG_DIAG_MESSAGE_HINT));
	json_object_set_new(object, "context", error_field(error, PG_DIAG_CONTEXT));
	return object;
}

static void
print_outcome(const Deployment *deployment, const Environment *environment, const char *outcome)
{
	PGresult *rows = step_rows(deployment);
	json_t *document;

	if (!print_is_json())
	{
		if (deployment->count > 0)
			print_rows(rows, NULL);
		PQclear(rows);
		return;
	}
	document = json_object();
	json_object_set_new(document, "environment", json_string(environment->name));
	json_object_set_new(document, "deployment",
						deployment->number ? json_integer(strtoll(deployment->number, NULL, 10))
										   : json_null());
	json_object_set_new(document, "outcome", json_string(outcome));
	json_object_set_new(document, "commit", repository_claims(deployment->repository));
	json_object_set_new(document, "changes", print_rows_as_json(rows));
	json_object_set_new(document, "error", error_as_json(deployment->error));
	print_json(document);
	PQclear(rows);
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

/* Says how things stand after a deployment that did not reach its end. */
static ExitCode
tell_failure(const Deployment *deployment, const Environment *environment)
{
	ExitCode code = EXIT_ERROR;
	const char *end = find_end(deployment);

	if (deployment->error)
		code = message_server_error(deployment->error);
	if (deployment->outcome == PIPELINE_LOST)
	{
		message_error("the connection to \"%s\" was lost during deployment %s", environment->name,
					  deployment->number);
		message_detail("%d of %d changes are applied.  Whether \"%s\" is, the server knows.",
					   deployment->committed, deployment->count, end);
		message_hint("Run \"dbmaestro status %s\", then \"dbmaestro deploy %s\" to go on.",
					 environment->name, environment->name);
		return EXIT_INTERRUPTED;
	}
	message_error("deployment %s to \"%s\" %s at change \"%s\"", deployment->number,
				  environment->name, connection_interrupted() ? "was cancelled" : "has failed",
				  end);
	message_detail("%d of %d changes are applied.", deployment->committed, deployment->count);
	message_hint("Run \"dbmaestro deploy %s\" again: it goes on with \"%s\".", environment->name,
				 deployment->steps[deployment->committed].change->name);
	return connection_interrupted() ? EXIT_INTERRUPTED : code;
}

static ExitCode
run(Deployment *deployment, const Plan *plan, const Environment *environment)
{
	ExitCode code = EXIT_DONE;

	connection_protect(deployment->connection);
	start(deployment, plan);
	deployment_run(deployment);
	print_outcome(deployment, environment, deployment_outcome(deployment));
	if (deployment->committed < deployment->count || deployment->outcome == PIPELINE_LOST)
		code = tell_failure(deployment, environment);
	else if (deployment->error)
		code = message_server_error(deployment->error);
	return code;
}

ExitCode
cmd_deploy(int count, char **arguments)
{
	const Config *config = config_load();
	const Environment *environment = config_environment(config, arguments[0]);
	Deployment deployment = {.repository = repository_open(config),
							 .single_transaction = single_transaction};
	Plan *plan;
	ExitCode code = EXIT_DONE;

	deployment.connection = connection_open(environment);
	plan = plan_fetch(deployment.connection, config, deployment.repository);
	connection_expect(deployment.connection, plan->rows);
	require_last_wanted(plan, deployment.repository);
	warn_of_missing(plan, environment, deployment.repository);
	choose_steps(plan, &deployment);
	if (deployment.count == 0)
	{
		print_outcome(&deployment, environment, "nothing to do");
		message_info("nothing to do: \"%s\" has all changes of %s", environment->name,
					 repository_describe(deployment.repository));
	}
	else if (dry_run)
		print_rows(plan->rows, NULL);
	else
		code = run(&deployment, plan, environment);
	connection_close(deployment.connection);
	return code;
}
