/*
 * guard/decide.c: the order of the questions is the policy; read it in dbm_decide
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/extension.h"
#include "miscadmin.h"

#include "core/installed.h"
#include "guard/authorisation.h"
#include "guard/decide.h"

/* CREATE EXTENSION dbmaestro and its updates make what the guard protects. */
static bool
is_our_script(void)
{
	return creating_extension && CurrentExtensionObject == dbm_extension_oid();
}

bool
dbm_guard_is_awake(void)
{
	return IsUnderPostmaster && !IsBinaryUpgrade && IsTransactionState() &&
		   OidIsValid(MyDatabaseId) && !RecoveryInProgress() && dbm_installed() && !is_our_script();
}

bool
dbm_guard_records(void)
{
	const DbmEnvironment *environment = dbm_environment();

	return environment->initialised && environment->identity != DBM_IDENTITY_UNBOUND;
}

static bool
is_schema_change(const DbmCommand *command)
{
	return command->class == DBM_COMMAND_SCHEMA || command->class == DBM_COMMAND_EVENT_TRIGGER;
}

static DbmReason
decide_inside_run(const DbmCommand *command)
{
	if (command->reuses)
		return DBM_REFUSED_REUSE;
	if (command->class == DBM_COMMAND_SESSION_SWITCH)
		return DBM_REFUSED_SESSION_SWITCH;
	if (command->class == DBM_COMMAND_PROTECTED_SETTING)
		return DBM_REFUSED_PROTECTED_SETTING;
	return DBM_ALLOWED;
}

static bool
is_our_update(const DbmCommand *command)
{
	return IsA(command->tree, AlterExtensionStmt) &&
		   strcmp(((const AlterExtensionStmt *) command->tree)->extname, "dbmaestro") == 0;
}

static DbmReason
decide_outside_run(const DbmCommand *command)
{
	const DbmEnvironment *environment = dbm_environment();
	DbmGuardMode mode = environment->guard_in_force;

	if (environment->guard == DBM_GUARD_OFF || command->class == DBM_COMMAND_OTHER ||
		command->class == DBM_COMMAND_LOCK)
		return DBM_ALLOWED;
	if (is_schema_change(command) && dbm_command_is_temporary(command))
		return DBM_ALLOWED;
	/* switched off by what the database is, not by anybody */
	if (mode == DBM_GUARD_OFF)
		return DBM_ALLOWED_IN_COPY;
	if (mode == DBM_GUARD_OBSERVE)
		return DBM_ALLOWED_RECORDED;
	if (command->class == DBM_COMMAND_PROTECTED_SETTING)
		return DBM_REFUSED_PROTECTED_SETTING;
	/* self-protection has made sure that a superuser asks */
	if (is_our_update(command))
		return DBM_ALLOWED_RECORDED;
	return is_schema_change(command) ? DBM_REFUSED_OUTSIDE_CHANGE : DBM_ALLOWED_RECORDED;
}

DbmDecision
dbm_decide(const DbmCommand *command)
{
	DbmDecision decision = {DBM_ALLOWED};

	decision.harm = dbm_harm_of(command, &decision.victim);
	if (decision.harm != DBM_HARM_NONE)
		decision.reason = DBM_REFUSED_HARM;
	else if (dbm_guard_inside_run())
		decision.reason = decide_inside_run(command);
	else
		decision.reason = decide_outside_run(command);
	return decision;
}
