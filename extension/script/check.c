/*
 * script/check.c: refusing a script for what was found in it
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "core/errors.h"
#include "script/finding.h"

/* How many more lines a refusal lists. */
#define LISTED 10

typedef struct Refusal
{
	int code;
	const char *detail;
	const char *hint;
} Refusal;

static const Refusal refusals[DBM_FINDING_KINDS] = {
	[DBM_FINDING_TRANSACTION] =
		{ERRCODE_DBM_SCRIPT_REFUSED,
		 "A change is one transaction, which dbmaestro begins and commits.",
		 "Remove it; one BEGIN ... COMMIT around the whole script may stay."},
	[DBM_FINDING_ROLE] = {ERRCODE_DBM_SCRIPT_REFUSED,
						  "A change runs as one role from its first statement to its last.",
						  "Remove it; the header field \"Run-As\" names the role to run as."},
	[DBM_FINDING_SETTING] = {ERRCODE_DBM_SCRIPT_REFUSED, "The run depends on this setting.",
							 "Remove it."},
	[DBM_FINDING_SESSION] = {ERRCODE_DBM_SCRIPT_REFUSED,
							 "It would reach beyond the change into the session of the deployer.",
							 "Remove it."},
	[DBM_FINDING_PREPARED] = {ERRCODE_DBM_SCRIPT_REFUSED,
							  "A prepared statement hides from reviewers what runs.",
							  "Write the statement itself."},
	[DBM_FINDING_CURSOR] = {ERRCODE_DBM_SCRIPT_REFUSED,
							"A cursor could run what was opened outside of the change.",
							"Use a DO block with a FOR loop."},
	[DBM_FINDING_COPY_OUT] = {ERRCODE_DBM_SCRIPT_REFUSED, "There is no client that takes the data.",
							  "Remove it."},
	[DBM_FINDING_SINGLE] =
		{ERRCODE_DBM_NOT_TRANSACTIONAL,
		 "It cannot run inside a transaction, and dbm_apply makes a change one transaction.", NULL},
	[DBM_FINDING_NEW_VALUE] =
		{ERRCODE_DBM_NOT_TRANSACTIONAL,
		 "The value can be used when the transaction that adds it has committed, and dbm_apply "
		 "makes a change one transaction.",
		 NULL},
	[DBM_FINDING_ONE_TRANSACTION] =
		{ERRCODE_DBM_SCRIPT_REFUSED,
		 "It cannot run inside a transaction, and BEGIN and COMMIT of the script ask for one.",
		 "Remove BEGIN and COMMIT: dbmaestro cuts the script into steps."},
	[DBM_FINDING_TEMPORARY] =
		{ERRCODE_DBM_SCRIPT_REFUSED,
		 "It runs in a session of its own, which does not see temporary relations of the script.",
		 "Leave out CONCURRENTLY, which a temporary relation does not need, or make it permanent."},
	[DBM_FINDING_TEMPORARY_GONE] =
		{ERRCODE_DBM_SCRIPT_REFUSED,
		 "The script runs in steps, and a temporary relation ends with the step that makes it.",
		 "Use it in the same step, which dbm_steps shows, or make a permanent table and drop it at "
		 "the end."},
	[DBM_FINDING_LOCK] =
		{ERRCODE_DBM_SCRIPT_REFUSED,
		 "The script runs in steps, and a step gives back what it has locked when it ends.",
		 "Lock and unlock in one step, which dbm_steps shows, or leave it out: no other change "
		 "runs meanwhile."},
	[DBM_FINDING_ENDS_TRANSACTION] =
		{ERRCODE_DBM_SCRIPT_REFUSED,
		 "Its code, or that of a procedure it calls, holds COMMIT or ROLLBACK: when it stops "
		 "halfway, nobody can tell what it has done.",
		 "Take them out and make each part a change of its own, or, if it changes rows alone, run "
		 "it with psql once the change is deployed."},
};

/* Returns how messages call the script. */
static const char *
name_script(const DbmScriptRules *rules)
{
	if (rules->name == NULL)
		return rules->rollback ? "the rollback script" : "the script";
	return psprintf(rules->rollback ? "the rollback script of change \"%s\"" : "change \"%s\"",
					rules->name);
}

/* ", and 2 more: line 7 (COMMIT), line 9 (LISTEN)", or "" */
static const char *
list_others(List *findings)
{
	StringInfoData list;
	int others = list_length(findings) - 1;

	if (others == 0)
		return "";
	initStringInfo(&list);
	appendStringInfo(&list, "  And %d more:", others);
	for (int at = 1; at <= Min(others, LISTED); at++)
	{
		const DbmFinding *finding = list_nth(findings, at);

		appendStringInfo(&list, "%s line %d", at > 1 ? "," : "", finding->line);
		if (finding->subject)
			appendStringInfo(&list, " (%s)", finding->subject);
	}
	appendStringInfoString(&list, others > LISTED ? ", ..." : ".");
	return list.data;
}

/* The findings that are, or are not, secrets. */
static List *
select_findings(const DbmScript *script, bool secrets)
{
	List *selected = NIL;
	ListCell *cell;

	foreach (cell, script->findings)
	{
		DbmFinding *finding = lfirst(cell);

		if ((finding->kind == DBM_FINDING_SECRET) == secrets)
			selected = lappend(selected, finding);
	}
	return selected;
}

static void
refuse_secrets(List *findings, const DbmScriptRules *rules)
{
	const DbmFinding *first = linitial(findings);

	ereport(ERROR,
			(errcode(ERRCODE_DBM_SECRET), errmsg("%s holds a password", name_script(rules)),
			 errdetail("It is a literal at line %d.  The ledger, every dump and every auditor "
					   "would have it.%s",
					   first->line, list_others(findings)),
			 errhint("Set the password outside of the script, for example with \\password in "
					 "psql, or run: SELECT dbm_configure('allow_secrets', 'on');")));
}

/* What to do with a script that needs steps. */
static const char *
steps_hint(const DbmFinding *finding, const DbmScriptRules *rules)
{
	const char *procedure = rules->rollback ? "dbm_rollback_in_steps" : "dbm_apply_in_steps";
	const char *name = rules->name ? quote_literal_cstr(rules->name) : "<name>";

	return psprintf(
		"Let the command line do it, which runs such a script in steps, or run: CALL "
		"%s(%s%s);%s",
		procedure, name, rules->rollback ? "" : ", '<script>'",
		finding->kind != DBM_FINDING_NEW_VALUE
			? ""
			: "  If the value is not used there, put BEGIN; and COMMIT; around the script.");
}

static void
refuse_statements(List *findings, const DbmScriptRules *rules)
{
	const DbmFinding *first = linitial(findings);
	const Refusal *refusal = &refusals[first->kind];

	ereport(
		ERROR,
		(errcode(refusal->code), errmsg("cannot run %s in %s", first->subject, name_script(rules)),
		 errdetail("It is at line %d.  %s%s", first->line, refusal->detail, list_others(findings)),
		 errhint("%s", refusal->hint ? refusal->hint : steps_hint(first, rules))));
}

static void
refuse_empty(const DbmScriptRules *rules)
{
	ereport(ERROR,
			(errcode(ERRCODE_DBM_EMPTY_SCRIPT), errmsg("%s holds no statement", name_script(rules)),
			 errdetail("There are only comments, white space or semicolons."),
			 errhint("Write at least one statement; SELECT 1 does nothing.")));
}

static int
compare_ordinals(const ListCell *a, const ListCell *b)
{
	return ((const DbmFinding *) lfirst(a))->ordinal - ((const DbmFinding *) lfirst(b))->ordinal;
}

/* Does it stand in the way of the way that the script is going to run? */
static bool
is_in_the_way(const DbmFinding *finding, const DbmScriptRules *rules)
{
	switch (finding->kind)
	{
		case DBM_FINDING_SINGLE:
		case DBM_FINDING_NEW_VALUE:
			return !rules->in_steps;
		case DBM_FINDING_TEMPORARY:
		case DBM_FINDING_TEMPORARY_GONE:
		case DBM_FINDING_LOCK:
			return rules->in_steps;
		default:
			return true;
	}
}

/* What is refused but for secrets, in the order of the script. */
static List *
collect_refused(const DbmScript *script, const DbmScriptRules *rules)
{
	List *refused = select_findings(script, false);
	ListCell *cell;

	foreach (cell, dbm_step_findings(script))
	{
		if (is_in_the_way(lfirst(cell), rules))
			refused = lappend(refused, lfirst(cell));
	}
	list_sort(refused, compare_ordinals);
	return refused;
}

void
dbm_script_check(const DbmScript *script, const DbmScriptRules *rules)
{
	List *secrets = rules->allow_secrets ? NIL : select_findings(script, true);
	List *refused = collect_refused(script, rules);

	if (secrets)
		refuse_secrets(secrets, rules);
	if (refused)
		refuse_statements(refused, rules);
	if (script->nstatements == 0 && !rules->allow_empty)
		refuse_empty(rules);
}
