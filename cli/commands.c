/*
 * cli/commands.c: the one table of commands
 */
#include "postgres_fe.h"

#include "commands.h"

const char *const command_groups[] = {
	[GROUP_REPOSITORY] = "In the repository",
	[GROUP_DEPLOY] = "Bring changes to an environment",
	[GROUP_LOOK] = "See how things stand",
	[GROUP_KEEP] = "Look after an environment",
	[GROUP_HELP] = "Help",
};

const Command commands[] = {
	{"init", GROUP_REPOSITORY, "[ENVIRONMENT]", "begin a repository, or prepare an environment",
	 "Without an environment: writes dbmaestro.conf, the folders for scripts, a playbook and "
	 "examples for CI into this directory.  With one: creates the extension in its database, "
	 "tells it which environment it is, and grants capabilities, all as dbmaestro.conf says.  "
	 "What is there already is left alone.",
	 init_options, cmd_init},
	{"new", GROUP_REPOSITORY, "SLUG", "write the files of a new change",
	 "Writes a script and its rollback script, named by the time and the slug, with a header to "
	 "fill in.",
	 new_options, cmd_new},
	{"baseline", GROUP_REPOSITORY, "ENVIRONMENT", "begin with a database that is there already",
	 "Makes the first script of a repository out of the schema of an environment, proves in an "
	 "empty database that it makes exactly this schema, commits and tags it, and records it as "
	 "applied in the environment, where nothing is run.  With a repository that has a baseline it "
	 "records that in one more environment, if the schema there is the same, and shows the "
	 "difference if not.  It asks; without a terminal it needs --yes.",
	 baseline_options, cmd_baseline},
	{"check", GROUP_REPOSITORY, "", "check names, pairs and headers, without a database",
	 "Checks the scripts of a commit: names and their order, duplicates, rollback scripts without "
	 "a script and scripts without one, headers, and files that would not be deployed.",
	 check_options, cmd_check},
	{"submit", GROUP_DEPLOY, "ENVIRONMENT [CHANGE...]", "hand in changes for review",
	 "Stores the changes that are named, or all that are pending, in the environment for review "
	 "and prints their approval hashes.  Nothing is run.",
	 submit_options, cmd_submit},
	{"plan", GROUP_DEPLOY, "ENVIRONMENT", "show what a deployment would bring",
	 "Asks the environment what a commit would bring to it, and changes nothing.", plan_options,
	 cmd_plan},
	{"deploy", GROUP_DEPLOY, "ENVIRONMENT", "bring an environment to a commit",
	 "Applies the pending changes of a commit in their order, each in a transaction of its own.  "
	 "It stops at the first failure; everything before it stays applied, and the next deployment "
	 "goes on from there.",
	 deploy_options, cmd_deploy},
	{"promote", GROUP_DEPLOY, "FROM TO", "deploy what the environment before has",
	 "Deploys to TO as deploy does, and hands it a list of what is applied in FROM, the environment "
	 "that TO follows.  TO refuses every change that FROM does not have with the same content.  "
	 "Until environments sign their lists, that is recorded as unverified.",
	 promote_options, cmd_promote},
	{"resume", GROUP_DEPLOY, "ENVIRONMENT [CHANGE]",
	 "go on with a deployment that did not reach its end",
	 "Deploys the commit of the last deployment once more, if that failed, was cancelled or was "
	 "interrupted: as far as it was to go, with what the environment before has if it was a "
	 "promotion, and in a single transaction if it was one.  HEAD may have moved on since.  With "
	 "CHANGE: runs what is left of that one, of which some steps are done, with the script that was "
	 "stored then, be it on its way to be applied or rolled back.  Where nobody but a person can "
	 "know whether its interrupted statement has run, --interrupted says so; that asks, and "
	 "without a terminal it needs --yes.",
	 resume_options, cmd_resume},
	{"rollback", GROUP_DEPLOY, "ENVIRONMENT [CHANGE]", "take changes back",
	 "Runs the rollback script that was stored with CHANGE, or with all changes applied behind the "
	 "one that --to names, the newest first.  Each is a transaction of its own, which commits only "
	 "if the schema is as it was before the change; the first failure is the end.  It shows what "
	 "would be rolled back and asks; without a terminal it needs --yes.  The capability rollback is "
	 "all that it takes, with --to as well.",
	 rollback_options, cmd_rollback},
	{"status", GROUP_LOOK, "[ENVIRONMENT]", "how the environments stand, side by side",
	 "Shows for each environment, or for one, what is applied and pending, what failed or was "
	 "interrupted, and how it is guarded.",
	 status_options, cmd_status},
	{"history", GROUP_LOOK, "ENVIRONMENT", "what was applied, rolled back or failed, and by whom",
	 "Shows the runs of changes, the newest first.  Formats json, jsonl and csv have all columns.",
	 history_options, cmd_history},
	{"audit", GROUP_LOOK, "ENVIRONMENT", "search the audit trail",
	 "Shows events of the audit trail, the newest first: runs, refusals, grants, settings, switches "
	 "of the guard.  Formats json, jsonl and csv have all columns, with the statements.",
	 audit_options, cmd_audit},
	{"doctor", GROUP_LOOK, "[ENVIRONMENT]", "look for open doors and weaknesses",
	 "Has each environment, or one, examine itself, and shows what is not well, with advice.  Ends "
	 "with 1 if there is an error.",
	 doctor_options, cmd_doctor},
	{"snapshot", GROUP_KEEP, "ENVIRONMENT", "record the schema as it is now",
	 "Records the live schema and prints the number of the snapshot.  Without a label an unchanged "
	 "schema is not recorded again.",
	 snapshot_options, cmd_snapshot},
	{"guard", GROUP_KEEP, "ENVIRONMENT [MODE]",
	 "show the guard or switch it: off, observe, enforce",
	 "Switches the guard over schema changes outside of deployments: enforce refuses them, observe "
	 "records them, off lets all pass.  Without a mode it shows how things stand.",
	 guard_options, cmd_guard},
	{"attach", GROUP_KEEP, "ENVIRONMENT", "make a copy or a promoted server an environment again",
	 "A copy of a database, or a server after a promotion, does not know whether it is the "
	 "environment it was.  This says that it is ENVIRONMENT from now on.",
	 attach_options, cmd_attach},
	{"reset", GROUP_KEEP, "ENVIRONMENT", "drop everything in a development database",
	 "Drops everything in the database but dbmaestro, so that all changes are pending again.  Works "
	 "only where the setting allow_reset is on.  It asks for the name of the environment; without a "
	 "terminal it needs --yes.",
	 reset_options, cmd_reset},
	{"help", GROUP_HELP, "[TOPIC]", "explain a command, or exit-codes, configuration",
	 "Explains a command, the exit codes (exit-codes) or the keys of dbmaestro.conf "
	 "(configuration), or prints the manual page for man (manual).",
	 NULL, cmd_help},
	{"completion", GROUP_HELP, "SHELL", "print the completion script for bash or zsh",
	 "Prints a script with which bash or zsh completes commands, options, and the names of "
	 "environments and changes.  Those it asks for by \"completion environments\" and "
	 "\"completion changes\".",
	 completion_options, cmd_completion},
	{NULL},
};

const Command *
commands_find(const char *name)
{
	for (const Command *command = commands; command->name; command++)
	{
		if (strcmp(command->name, name) == 0)
			return command;
	}
	return NULL;
}

/* Levenshtein distance, for short words. */
static int
measure_distance(const char *left, const char *right)
{
	int width = strlen(right);
	int *row = pg_malloc((width + 1) * sizeof(int));
	int distance;

	for (int column = 0; column <= width; column++)
		row[column] = column;
	for (int line = 1; left[line - 1]; line++)
	{
		int diagonal = row[0];

		row[0] = line;
		for (int column = 1; column <= width; column++)
		{
			int above = row[column];
			int best = diagonal + (left[line - 1] != right[column - 1]);

			best = Min(best, Min(above, row[column - 1]) + 1);
			diagonal = above;
			row[column] = best;
		}
	}
	distance = row[width];
	pg_free(row);
	return distance;
}

const char *
commands_guess(const char *name)
{
	const char *nearest = NULL;
	int least = 3;

	for (const Command *command = commands; command->name; command++)
	{
		int distance = measure_distance(name, command->name);

		if (distance < least && distance < (int) strlen(command->name))
		{
			least = distance;
			nearest = command->name;
		}
	}
	return nearest;
}

void
commands_count_arguments(const Command *command, int *least, int *most)
{
	*least = *most = 0;
	for (const char *at = command->arguments; *at; at += strcspn(at, " "))
	{
		at += strspn(at, " ");
		(*most)++;
		if (*at != '[')
			(*least)++;
		if (strncmp(at + strcspn(at, ". "), "...", 3) == 0)
			*most = PG_INT32_MAX;
	}
}
