/*
 * pipeline/gate.c: ask every gate, then refuse once
 *
 * A gate adds a line for what it misses; all are asked, so that a refusal names
 * every one that is not met and not only the first.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/errors.h"
#include "core/installed.h"
#include "pipeline/capability.h"
#include "pipeline/gate.h"

typedef struct GateQuestion
{
	const char *change;
	const DbmScript *script;
	StringInfo missing;			/* one line per condition that is not met */
} GateQuestion;

static DbmIsApplied ledger_is_applied = NULL;

void
dbm_gate_set_ledger(DbmIsApplied is_applied)
{
	ledger_is_applied = is_applied;
}

List *
dbm_gate_names(const char *value)
{
	List *names = NIL;
	char *state = NULL;

	for (char *name = strtok_r(pstrdup(value), ", \t\r\n", &state); name;
		 name = strtok_r(NULL, ", \t\r\n", &state))
		names = lappend(names, name);
	return names;
}

/* Asks about every name that a header field lists, however often the field is there. */
static void
ask_names(GateQuestion *question, const char *key, bool wanted)
{
	List *names = NIL;
	ListCell *cell;

	foreach (cell, question->script->header)
	{
		DbmHeaderField *field = lfirst(cell);

		if (field->known && strcmp(field->key, key) == 0)
			names = list_concat(names, dbm_gate_names(field->value));
	}
	foreach (cell, names)
	{
		const char *name = lfirst(cell);

		if (ledger_is_applied(name) == wanted)
			continue;
		appendStringInfo(question->missing, "%s%s: change \"%s\" is %s",
						 question->missing->len > 0 ? "\n" : "", key, name,
						 wanted ? "not applied" : "applied");
	}
}

static void
ask_requires(GateQuestion *question)
{
	ask_names(question, "Requires", true);
}

static void
ask_conflicts(GateQuestion *question)
{
	ask_names(question, "Conflicts", false);
}

/* A script may name the role it runs as, but only the one it would run as anyway. */
static void
ask_run_as(GateQuestion *question)
{
	const char *wanted = dbm_script_header(question->script, "Run-As");
	const DbmEnvironment *facts = dbm_environment();
	const char *role = GetUserNameFromId(OidIsValid(facts->run_as) ? facts->run_as : GetUserId(),
										 true);

	if (wanted && (role == NULL || strcmp(wanted, role) != 0))
		appendStringInfo(question->missing, "%sRun-As: scripts run as \"%s\" here, not as \"%s\"",
						 question->missing->len > 0 ? "\n" : "", role ? role : "", wanted);
}

/* A role that was dropped or recreated since it was configured runs nothing. */
static void
ask_role_exists(GateQuestion *question)
{
	const DbmEnvironment *facts = dbm_environment();

	if (facts->run_as_name && !OidIsValid(facts->run_as))
		appendStringInfo(question->missing, "%srun_as: role \"%s\" is not the one configured",
						 question->missing->len > 0 ? "\n" : "", facts->run_as_name);
}

typedef void (*Gate) (GateQuestion *question);

static const Gate gates[] = {
	ask_requires,
	ask_conflicts,
	ask_run_as,
	ask_role_exists,
};

void
dbm_gate_require_all(const char *change, const DbmScript *script)
{
	GateQuestion question = {.change = change, .script = script, .missing = makeStringInfo()};

	for (int at = 0; at < lengthof(gates); at++)
		gates[at](&question);
	if (question.missing->len > 0)
		ereport(ERROR, (errcode(ERRCODE_DBM_REQUIREMENT),
						errmsg("change \"%s\" cannot run in environment \"%s\" yet", change,
							   dbm_environment()->name),
						errdetail_internal("%s", question.missing->data),
						errhint("Meet what is listed, then apply it again.")));
}

char *
dbm_gate_established(void)
{
	static const DbmCapability deciding[] = {DBM_CAPABILITY_APPROVE,
											 DBM_CAPABILITY_OVERRIDE_WINDOW};

	for (int at = 0; at < lengthof(deciding); at++)
	{
		char *holder = dbm_capability_holder(deciding[at]);

		if (holder)
			return psprintf("Role \"%s\" has the capability \"%s\" here.", holder,
							dbm_capability_name(deciding[at]));
	}
	return NULL;
}
