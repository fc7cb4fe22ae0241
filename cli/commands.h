/*
 * cli/commands.h: the commands
 *
 * There are 4 things to do to add one (more in README.md):
 *
 *   cli/cmd_<name>.c        its function, and its table of options if it has any
 *   cli/commands.h, .c      two declarations below, and one row of the table
 *   cli/queries.h, .c       one function for each SQL function that it needs
 *   doc/command_line.md     a paragraph
 *
 * test/200_command_line.pl asks every row of the table for its help.
 */
#ifndef DBM_CLI_COMMANDS_H
#define DBM_CLI_COMMANDS_H

#include "exit_codes.h"
#include "options.h"

typedef enum CommandGroup
{
	GROUP_REPOSITORY,
	GROUP_DEPLOY,
	GROUP_LOOK,
	GROUP_KEEP,
	GROUP_HELP,
} CommandGroup;

typedef struct Command
{
	const char *name;
	CommandGroup group;
	const char *arguments;		/* words; those in brackets may be left out, what ends with dots may
								 * be repeated; ENVIRONMENT, FROM and TO are of the configuration */
	const char *summary;		/* for the overview */
	const char *description;	/* for its own help */
	const Option *options;		/* NULL: the common ones only */
	ExitCode (*run)(int count, char **arguments);
} Command;

extern const Command commands[];	/* ends with one without a name */
extern const char *const command_groups[];

/* The command of that name, or NULL. */
extern const Command *commands_find(const char *name);

/* The name that somebody who typed this may have meant, or NULL. */
extern const char *commands_guess(const char *name);

/* How many arguments it takes, by its synopsis. */
extern void commands_count_arguments(const Command *command, int *least, int *most);

extern const Option attach_options[];
extern const Option audit_options[];
extern const Option baseline_options[];
extern const Option check_options[];
extern const Option completion_options[];
extern const Option deploy_options[];
extern const Option doctor_options[];
extern const Option guard_options[];
extern const Option history_options[];
extern const Option init_options[];
extern const Option new_options[];
extern const Option plan_options[];
extern const Option promote_options[];
extern const Option reset_options[];
extern const Option resume_options[];
extern const Option rollback_options[];
extern const Option snapshot_options[];
extern const Option status_options[];
extern const Option submit_options[];

extern ExitCode cmd_attach(int count, char **arguments);
extern ExitCode cmd_audit(int count, char **arguments);
extern ExitCode cmd_baseline(int count, char **arguments);
extern ExitCode cmd_check(int count, char **arguments);
extern ExitCode cmd_completion(int count, char **arguments);
extern ExitCode cmd_deploy(int count, char **arguments);
extern ExitCode cmd_doctor(int count, char **arguments);
extern ExitCode cmd_guard(int count, char **arguments);
extern ExitCode cmd_help(int count, char **arguments);
extern ExitCode cmd_history(int count, char **arguments);
extern ExitCode cmd_init(int count, char **arguments);
extern ExitCode cmd_new(int count, char **arguments);
extern ExitCode cmd_plan(int count, char **arguments);
extern ExitCode cmd_promote(int count, char **arguments);
extern ExitCode cmd_reset(int count, char **arguments);
extern ExitCode cmd_resume(int count, char **arguments);
extern ExitCode cmd_rollback(int count, char **arguments);
extern ExitCode cmd_snapshot(int count, char **arguments);
extern ExitCode cmd_status(int count, char **arguments);
extern ExitCode cmd_submit(int count, char **arguments);

#endif							/* DBM_CLI_COMMANDS_H */
