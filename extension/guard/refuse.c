/*
 * guard/refuse.c: what a refusal says, one case per reason, on record before it is said
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"

#include "audit/event.h"
#include "audit/refusal.h"
#include "core/errors.h"
#include "core/installed.h"
#include "guard/authorisation.h"
#include "guard/refuse.h"

#define WITHHELD "(withheld: it may hold a secret)"

#define HINT_WAY_OUT \
	"To remove dbmaestro, a superuser runs SELECT dbm_guard('off'), then DROP EXTENSION dbmaestro."

typedef struct Refusal
{
	int			sqlstate;
	const char *message;
	const char *detail;
	const char *hint;
} Refusal;

typedef struct HarmWords
{
	const char *detail;			/* with one %s: the victim */
	const char *hint;
} HarmWords;

static const HarmWords harm_words[] = {
	[DBM_HARM_EXTENSION] = {"Extension \"%s\" holds the record of this database's changes.",
							HINT_WAY_OUT},
	[DBM_HARM_MEMBER] = {"\"%s\" belongs to dbmaestro.",
						 "Leave the objects of dbmaestro as they are.  " HINT_WAY_OUT},
	[DBM_HARM_FOUNDATION] = {"dbmaestro stands on \"%s\" and would go with it.",
							 "Drop the objects that are meant one by one.  " HINT_WAY_OUT},
	[DBM_HARM_OWNER] =
		{"Role \"%s\" owns objects that dbmaestro stands on.",
		 "Name the objects that are meant one by one, or give those of dbmaestro to another role first."},
	[DBM_HARM_INTRUDER] =
		{"Schema dbmaestro holds nothing but dbmaestro's own objects: \"%s\" is not one.",
		 "Choose another schema."},
	[DBM_HARM_NAME] =
		{"Names that begin with dbm_ belong to dbmaestro in the schema of its functions: \"%s\" would make calls ambiguous.",
		 "Choose another name, or another schema."},
	[DBM_HARM_MEMBERSHIP] = {"\"%s\" belongs to dbmaestro and would go with the other extension.",
							 "Leave the objects of dbmaestro out of other extensions."},
	[DBM_HARM_PUBLICATION] = {"\"%s\" belongs to dbmaestro; subscribers have no such tables.",
							  "Publish the tables of the application only."},
	[DBM_HARM_LOCK] =
		{"While \"%s\" is locked, deployments and the records of refusals wait.",
		 "Leave the objects of dbmaestro out of LOCK TABLE, or take no more than ACCESS SHARE."},
};

/* "ALTER TABLE on "public.orders"", or the action alone where nothing has a name. */
static const char *
subject_of(const DbmCommand *command)
{
	const char *object = dbm_command_object(command);

	return object ? psprintf("%s on \"%s\"", command->action, object) : command->action;
}

static const char *
environment_name(void)
{
	const char *name = dbm_environment()->name;

	return name ? name : "";
}

static Refusal
word_outside_change(const DbmCommand *command)
{
	const char *name = environment_name();

	return (Refusal) {
		.sqlstate = ERRCODE_DBM_OUTSIDE_CHANGE,
		.message = psprintf("cannot run %s outside a recorded change", subject_of(command)),
		.detail = psprintf("Environment \"%s\" accepts schema changes only through dbm_apply().",
						   name),
		.hint = psprintf("Put the statement in a migration script and run \"dbmaestro deploy %s\", "
						 "or SELECT dbm_apply('<name>', '<script>').",
						 name)};
}

static Refusal
word_not_temporary(const DbmCommand *command)
{
	Refusal		refusal = word_outside_change(command);

	refusal.detail = psprintf("It would change more than temporary objects.  %s", refusal.detail);
	return refusal;
}

static Refusal
word_harm(const DbmCommand *command, const DbmDecision *decision)
{
	const HarmWords *words = &harm_words[decision->harm];

	return (Refusal) {
		.sqlstate = ERRCODE_DBM_SELF_PROTECTION,
		.message = psprintf("cannot run %s: it would harm dbmaestro", subject_of(command)),
		.detail = psprintf(words->detail, decision->victim ? decision->victim : ""),
		.hint = words->hint};
}

static Refusal
word_protected_setting(const DbmCommand *command)
{
	return (Refusal) {
		.sqlstate = ERRCODE_DBM_SELF_PROTECTION,
		.message = psprintf("cannot run %s for setting \"%s\", which the guard depends on",
							command->action, command->setting),
		.detail = psprintf("Environment \"%s\" is enforced by a library that the server loads.",
						   environment_name()),
		.hint = "Run SELECT dbm_guard('observe') first; dbm_guard('enforce') and dbm_guard('off') "
				"set session_preload_libraries themselves."};
}

static Refusal
word_session_switch(const DbmCommand *command)
{
	return (Refusal) {
		.sqlstate = ERRCODE_DBM_SCRIPT_REFUSED,
		.message = psprintf("cannot run %s for setting \"%s\" inside a change", command->action,
							command->setting),
		.detail = psprintf("It switches triggers off while change \"%s\" is being run.",
						   dbm_guard_current_change()),
		.hint = "Take the statement out of the script; disable single triggers with ALTER TABLE "
				"where that is meant."};
}

static Refusal
word_reuse(const DbmCommand *command)
{
	return (Refusal) {
		.sqlstate = ERRCODE_DBM_SCRIPT_REFUSED,
		.message = psprintf("cannot run %s inside a change", command->action),
		.detail = "What was prepared or opened before the change would run with its authority.",
		.hint = "Write the statement itself into the script."};
}

static Refusal
word_refusal(const DbmCommand *command, const DbmDecision *decision)
{
	switch (decision->reason)
	{
		case DBM_REFUSED_OUTSIDE_CHANGE:
			return word_outside_change(command);
		case DBM_REFUSED_NOT_TEMPORARY:
			return word_not_temporary(command);
		case DBM_REFUSED_HARM:
			return word_harm(command, decision);
		case DBM_REFUSED_PROTECTED_SETTING:
			return word_protected_setting(command);
		case DBM_REFUSED_SESSION_SWITCH:
			return word_session_switch(command);
		case DBM_REFUSED_REUSE:
			return word_reuse(command);
		case DBM_ALLOWED:
		case DBM_ALLOWED_RECORDED:
		case DBM_ALLOWED_IN_COPY:
			break;
	}
	elog(ERROR, "command is not refused: %s", command->action);
}

static DbmEvent
make_event(const char *kind, const DbmCommand *command)
{
	DbmEvent	event = {.kind = kind};

	event.action = command->action;
	event.object_kind = dbm_command_object_kind(command);
	event.object = dbm_command_object(command);
	event.statement = command->holds_secret ? WITHHELD : command->text;
	event.statement_length = command->holds_secret ? -1 : command->text_length;
	event.change = dbm_guard_current_change();
	event.run = dbm_guard_current_run();
	return event;
}

void
dbm_refuse(const DbmCommand *command, const DbmDecision *decision)
{
	Refusal		refusal = word_refusal(command, decision);
	DbmEvent	event = make_event("denied", command);

	event.sqlstate = refusal.sqlstate;
	event.message = refusal.message;
	event.detail = refusal.detail;
	event.hint = refusal.hint;
	/* in a copy that nobody has attached: in the server log */
	if (dbm_environment()->initialised)
	{
		dbm_event_record_durably(&event);
		dbm_refusal_recorded();
	}
	ereport(ERROR, (errcode(refusal.sqlstate), errmsg_internal("%s", refusal.message),
					errdetail_internal("%s", refusal.detail), errhint("%s", refusal.hint)));
}

/*
 * In the command's own transaction where that can still be: the event stands
 * or falls with what it tells of.
 */
static void
record(const DbmCommand *command, const DbmEvent *event)
{
	if (command->outlives_rollback || XactReadOnly || IsInParallelMode())
		dbm_event_record_durably(event);
	else
		dbm_event_record(event);
}

void
dbm_observe(const DbmCommand *command, const char *object_kind, const char *object)
{
	DbmEvent	event;

	if (!dbm_guard_records())
		return;
	event = make_event("observed", command);
	if (object)
	{
		event.object_kind = object_kind;
		event.object = object;
	}
	record(command, &event);
}

void
dbm_report_bypass(const DbmCommand *command, const char *silent_door)
{
	DbmEvent	event = make_event("guard_bypassed", command);

	event.message = psprintf("%s did not see %s", silent_door, subject_of(command));
	event.detail = "It is disabled, or something else has taken its place.";
	event.hint = "See: SELECT * FROM dbm_doctor();";
	/* the event goes if the transaction does; this line stays */
	ereport(LOG, (errcode(ERRCODE_DBM_SELF_PROTECTION), errmsg_internal("%s", event.message),
				  errdetail_internal("%s", event.detail), errhint("%s", event.hint)));
	if (dbm_guard_records())
		record(command, &event);
}

void
dbm_warn_of_copy(void)
{
	static bool warned = false;
	const DbmEnvironment *environment = dbm_environment();

	if (warned || (environment->identity != DBM_IDENTITY_DETACHED &&
				   environment->identity != DBM_IDENTITY_UNBOUND))
		return;
	warned = true;
	ereport(
		WARNING,
		(errcode(ERRCODE_WARNING),
		 errmsg("this database is a copy of environment \"%s\"", environment_name()),
		 environment->identity == DBM_IDENTITY_UNBOUND
			 ? errdetail("Schema changes pass here without a record, and no change can be applied.")
			 : errdetail("The guard only observes here, and no change can be applied."),
		 errhint("If this database is to be an environment, run: "
				 "SELECT dbm_attach('<reason>', '<environment>');")));
}
