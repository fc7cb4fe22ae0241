/*
 * cli/dump.c: pg_dump, the program
 *
 * It connects as we did.  What it has to know for that goes along in its
 * environment, a password too: the command line could be read by everybody.
 */
#include "postgres_fe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pqexpbuffer.h"

#include "dump.h"
#include "message.h"

/* A running pg_dump, and what it has written. */
typedef struct Child
{
	pid_t pid;
	int output;					/* descriptors to read from, -1 at their end */
	int errors;
	PQExpBuffer dump;
	PQExpBuffer words;			/* of standard error, up to the last line end */
} Child;

/* --- finding it -------------------------------------------------------------------- */

/* Major version of the program; 0 if it does not run or says something else. */
static int
read_version(const char *program)
{
	char *command = psprintf("'%s' --version 2>/dev/null", program);
	FILE *stream = strchr(program, '\'') ? NULL : popen(command, "r");
	char line[256];
	int major = 0;

	if (stream && fgets(line, sizeof(line), stream))
		(void) sscanf(line, "pg_dump (PostgreSQL) %d", &major);
	if (stream)
		(void) pclose(stream);
	pg_free(command);
	return major;
}

/* Keeps the better of two: that of the server's own version, then the oldest that is newer. */
static void
consider(const char *program, int wanted, char **best, int *best_major, int *newest)
{
	int major = access(program, X_OK) == 0 ? read_version(program) : 0;

	*newest = Max(*newest, major);
	if (major < wanted || (*best && *best_major <= major))
		return;
	*best = pg_strdup(program);
	*best_major = major;
}

static char *
folder_of_program(void)
{
	char path[MAXPGPATH];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length <= 0)
		return pg_strdup("");
	path[length] = '\0';
	get_parent_directory(path);
	return pg_strdup(path);
}

DBM_NORETURN static void
die_without_program(const char *given, int wanted, int newest)
{
	const char *hint = psprintf("Install the client programs of PostgreSQL %d or newer, or name "
								"pg_dump by --pg-dump.",
								wanted);

	if (newest > 0)
		message_die(EXIT_ERROR, hint, "pg_dump is of version %d, and the server of version %d",
					newest, wanted);
	if (given)
		message_die(EXIT_ERROR, hint, "\"%s\" is no pg_dump", given);
	message_die(EXIT_ERROR, hint, "could not find pg_dump");
}

char *
dump_find_program(const char *given, const Connection *connection)
{
	int wanted = PQserverVersion(connection->pg) / 10000;
	char *best = NULL;
	int best_major = 0;
	int newest = 0;
	char *state = NULL;

	if (given)
		consider(given, wanted, &best, &best_major, &newest);
	else
	{
		const char *path = getenv("PATH");

		consider(psprintf("%s/pg_dump", folder_of_program()), wanted, &best, &best_major, &newest);
		for (char *folder = strtok_r(pg_strdup(path ? path : ""), ":", &state); folder;
			 folder = strtok_r(NULL, ":", &state))
			consider(psprintf("%s/pg_dump", folder), wanted, &best, &best_major, &newest);
	}
	if (best == NULL)
		die_without_program(given, wanted, newest);
	return best;
}

/* --- running it --------------------------------------------------------------------- */

static void
set_variable(const char *name, const char *value)
{
	if (value && value[0])
		setenv(name, value, 1);
	else
		unsetenv(name);
}

/*
 * In the child: the parameters of our connection as libpq's variables.  Of
 * several hosts it is the one that we came to.
 */
static void
set_environment(PGconn *pg)
{
	PQconninfoOption *options = PQconninfo(pg);
	const char *given = "";

	for (PQconninfoOption *option = options; option && option->keyword; option++)
	{
		if (option->envvar)
			set_variable(option->envvar, option->val);
		if (strcmp(option->keyword, "options") == 0 && option->val)
			given = option->val;
		if (strcmp(option->keyword, "hostaddr") == 0 && option->val)
			set_variable("PGHOSTADDR", PQhostaddr(pg));
	}
	/* strings are read by the one rule that scripts have */
	set_variable("PGOPTIONS", psprintf("%s -c standard_conforming_strings=on", given));
	set_variable("PGHOST", PQhost(pg));
	set_variable("PGPORT", PQport(pg));
	set_variable("PGUSER", PQuser(pg));
	set_variable("PGDATABASE", PQdb(pg));
	set_variable("PGPASSWORD", PQpass(pg));
	set_variable("PGSERVICE", NULL);
	set_variable("PGCLIENTENCODING", NULL);
	set_variable("PGAPPNAME", "dbmaestro");
}

DBM_NORETURN static void
run_program(const char *program, PGconn *pg, int output, int errors)
{
	int nothing = open("/dev/null", O_RDONLY);

	set_environment(pg);
	if (nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
		dup2(errors, STDERR_FILENO) >= 0)
		execl(program, "pg_dump", "--schema-only", "--encoding=UTF8", "--no-password",
			  "--lock-wait-timeout=60000", (char *) NULL);
	_exit(127);
}

static bool
start_child(Child *child, const char *program, PGconn *pg)
{
	int output[2];
	int errors[2];

	if (pipe(output) != 0 || pipe(errors) != 0 || (child->pid = fork()) < 0)
	{
		message_error("could not start pg_dump: %m");
		return false;
	}
	if (child->pid == 0)
	{
		close(output[0]);
		close(errors[0]);
		run_program(program, pg, output[1], errors[1]);
	}
	close(output[1]);
	close(errors[1]);
	child->output = output[0];
	child->errors = errors[0];
	child->dump = createPQExpBuffer();
	child->words = createPQExpBuffer();
	return true;
}

/* In our own words for the same kinds of messages. */
static void
tell_line(const char *line)
{
	static const struct
	{
		const char *prefix;
		void (*tell)(const char *format, ...) pg_attribute_printf(1, 2);
	} kinds[] = {
		{"pg_dump: error: ", message_error},
		{"pg_dump: warning: ", message_warning},
		{"pg_dump: detail: ", message_detail},
		{"pg_dump: hint: ", message_hint},
	};

	for (int at = 0; at < lengthof(kinds); at++)
	{
		size_t length = strlen(kinds[at].prefix);

		if (strncmp(line, kinds[at].prefix, length) == 0)
		{
			kinds[at].tell("%s", line + length);
			return;
		}
	}
	message_info("%s", line);
}

/* What it says, line by line. */
static void
tell_words(Child *child, bool all)
{
	char *end;

	while ((end = strchr(child->words->data, '\n')) != NULL || (all && child->words->len > 0))
	{
		size_t length = end ? end - child->words->data + 1 : child->words->len;
		char *line = pnstrdup(child->words->data, end ? length - 1 : length);

		tell_line(line);
		pg_free(line);
		child->words->len -= length;
		memmove(child->words->data, child->words->data + length, child->words->len + 1);
	}
}

/* Reads what is there; closes the descriptor at its end. */
static void
read_some(int *descriptor, PQExpBuffer buffer)
{
	static char block[65536];
	ssize_t length = read(*descriptor, block, sizeof(block));

	if (length > 0)
		appendBinaryPQExpBuffer(buffer, block, length);
	else if (length == 0 || errno != EINTR)
	{
		close(*descriptor);
		*descriptor = -1;
	}
}

/* Reads all that it writes; an interrupt ends it. */
static void
read_all(Child *child)
{
	bool ended = false;

	while (child->output >= 0 || child->errors >= 0)
	{
		struct pollfd sockets[] = {{child->output, POLLIN}, {child->errors, POLLIN}};
		int ready = poll(sockets, lengthof(sockets), 1000);

		if (connection_interrupted() && !ended)
		{
			kill(child->pid, SIGTERM);
			ended = true;
		}
		if (ready <= 0)
			continue;
		if (sockets[0].revents)
			read_some(&child->output, child->dump);
		if (sockets[1].revents)
			read_some(&child->errors, child->words);
		tell_words(child, false);
	}
	tell_words(child, true);
}

/* Waits for its end; false unless that was a good one. */
static bool
end_child(const Child *child)
{
	int status;

	while (waitpid(child->pid, &status, 0) < 0)
	{
		if (errno != EINTR)
			return false;
	}
	if (connection_interrupted())
		return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !PQExpBufferBroken(child->dump))
		return true;
	if (WIFSIGNALED(status))
		message_error("pg_dump was ended by signal %d", WTERMSIG(status));
	else
		message_error("pg_dump failed with exit code %d", WEXITSTATUS(status));
	message_hint("It must be able to read every table: membership in pg_read_all_data or the "
				 "tables' owner, and the capability backup for those of dbmaestro.");
	return false;
}

char *
dump_schema(const char *program, Connection *connection)
{
	Child child = {0};
	bool good;
	char *dump;

	if (!start_child(&child, program, connection->pg))
		return NULL;
	read_all(&child);
	good = end_child(&child);
	dump = good ? pg_strdup(child.dump->data) : NULL;
	destroyPQExpBuffer(child.dump);
	destroyPQExpBuffer(child.words);
	return dump;
}
