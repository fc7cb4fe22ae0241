/*
 * cli/cmd_audit.c: dbmaestro audit ENVIRONMENT
 */
#include "postgres_fe.h"

#include "commands.h"
#include "print.h"
#include "record.h"

static char *kinds = NULL;
static bool denied = false;

/* Those that an event may be of (audit_event_kind_check). */
static const char *const known_kinds[] = {
	"denied",   "refused",  "observed", "guard_bypassed", "init",        "attach",     "setting",
	"grant",    "person",   "guard",    "reset",          "deployment",  "submission", "run",
	"snapshot", "approval", "gate",     "window",         "break_glass", "exemption",  "checkout",
	"receipt", "key", "seal", "purge", "lost", "cancel", NULL};

const Option audit_options[] = {
	{OPTION_GROUP, .value = (void *) record_options},
	{OPTION_WORDS, 0, "kind", &kinds, "KINDS", "of these kinds", known_kinds},
	{OPTION_FLAG, 0, "denied", &denied, NULL,
	 "only what was refused: the kinds denied and refused"},
	{OPTION_END},
};

ExitCode
cmd_audit(int count, char **arguments)
{
	const Config *config = config_load();
	const Environment *environment = config_environment(config, arguments[0]);
	const char *among = kinds;
	RecordFilter filter;
	Connection *connection;

	if (denied)
		among = psprintf("denied,refused%s%s", kinds ? "," : "", kinds ? kinds : "");
	filter = record_filter(among);
	connection = connection_open(environment);
	queries_send_audit(connection, &filter, !print_is_for_people());
	record_print(connection);
	connection_close(connection);
	return EXIT_DONE;
}
