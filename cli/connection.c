/*
 * cli/connection.c: the connection to one environment
 */
#include "postgres_fe.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/logging.h"

#include "connection.h"
#include "message.h"
#include "queries.h"

/* Seconds: a peer that is gone is noticed after about two minutes, in place of the system's two hours. */
#define KEEPALIVE_IDLE 60
#define KEEPALIVE_INTERVAL 15
#define KEEPALIVE_COUNT 4

/* Seconds for a request to cancel, which is a connection of its own; then the network is taken for gone. */
#define CANCEL_LIMIT 10

#define OLDEST_SERVER 150000

static volatile sig_atomic_t protected = false;
static volatile sig_atomic_t interrupted = false;

/* What an interrupt cancels; changed with SIGINT blocked. */
static PGcancel *volatile cancelled = NULL;
static volatile int cancelled_socket = -1;
static sigjmp_buf without_answer;

/* In a signal handler: only what is safe there. */
static void
end_unless_protected(void)
{
	static const char text[] = "\ndbmaestro: error: interrupted\n";

	if (protected)
		return;
	(void) !write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(EXIT_INTERRUPTED);
}

static void
give_up(int number)
{
	siglongjmp(without_answer, 1);
}

/*
 * In a signal handler, too.  libpq waits for the end of its request, and where
 * nothing comes through it would wait forever: then the connection is ended as
 * if the network had done it, and whoever waits for an answer says what stands.
 */
static bool
cancel_within_limit(PGcancel *cancel, int socket)
{
	char fault[256];
	bool sent = false;

	if (sigsetjmp(without_answer, 1) == 0)
	{
		(void) alarm(CANCEL_LIMIT);
		sent = PQcancel(cancel, fault, sizeof(fault));
		(void) alarm(0);
	}
	else
		(void) shutdown(socket, SHUT_RDWR);
	return sent;
}

static void
interrupt(int number)
{
	static const char sent[] = "Cancel request sent\n";
	static const char unsent[] = "Could not send cancel request\n";
	int code = errno;

	interrupted = true;
	end_unless_protected();
	if (cancelled && cancel_within_limit(cancelled, cancelled_socket))
		(void) !write(STDERR_FILENO, sent, sizeof(sent) - 1);
	else if (cancelled)
		(void) !write(STDERR_FILENO, unsent, sizeof(unsent) - 1);
	errno = code;
}

/* Handles a signal, during which none of those that interrupt us comes again. */
static void
handle(int number, void (*handler) (int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	(void) sigemptyset(&action.sa_mask);
	(void) sigaddset(&action.sa_mask, SIGINT);
	(void) sigaddset(&action.sa_mask, SIGTERM);
	(void) sigaddset(&action.sa_mask, SIGHUP);
	(void) sigaction(number, &action, NULL);
}

/* A job that is ended in CI gets SIGTERM, and SIGHUP whoever has lost the terminal. */
static void
prepare_signals(void)
{
	static bool prepared = false;
	struct sigaction hangup;

	if (prepared)
		return;
	handle(SIGINT, interrupt, SA_RESTART);
	handle(SIGTERM, interrupt, SA_RESTART);
	/* nohup is the wish to go on */
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		handle(SIGHUP, interrupt, SA_RESTART);
	handle(SIGALRM, give_up, 0);
	prepared = true;
}

static void
block_interrupts(sigset_t *before)
{
	sigset_t ours;

	(void) sigemptyset(&ours);
	(void) sigaddset(&ours, SIGINT);
	(void) sigaddset(&ours, SIGTERM);
	(void) sigaddset(&ours, SIGHUP);
	(void) sigprocmask(SIG_BLOCK, &ours, before);
}

static void
set_cancelled(Connection *connection)
{
	PGcancel *before = cancelled;
	sigset_t others;

	block_interrupts(&others);
	cancelled = connection ? PQgetCancel(connection->pg) : NULL;
	cancelled_socket = connection ? PQsocket(connection->pg) : -1;
	(void) sigprocmask(SIG_SETMASK, &others, NULL);
	PQfreeCancel(before);
}

void
connection_protect(Connection *connection)
{
	set_cancelled(connection);
	protected = true;
}

void
connection_unprotect(void)
{
	protected = false;
	set_cancelled(NULL);
	if (interrupted)
		end_unless_protected();
}

void
connection_release(void)
{
	protected = true;
	set_cancelled(NULL);
}

bool
connection_interrupted(void)
{
	return interrupted;
}

void
connection_cancel(Connection *connection)
{
	PGcancel *cancel = PQgetCancel(connection->pg);
	sigset_t others;

	block_interrupts(&others);
	if (cancel)
		(void) cancel_within_limit(cancel, PQsocket(connection->pg));
	(void) sigprocmask(SIG_SETMASK, &others, NULL);
	PQfreeCancel(cancel);
}

/* A parameter of the connection, in new memory, or NULL. */
static char *
parameter_of(PGconn *pg, const char *keyword)
{
	PQconninfoOption *options = PQconninfo(pg);
	char *value = NULL;

	for (PQconninfoOption *option = options; option && option->keyword; option++)
	{
		if (strcmp(option->keyword, keyword) == 0 && option->val && option->val[0])
			value = pg_strdup(option->val);
	}
	PQconninfoFree(options);
	return value;
}

/* In seconds; 0: none.  As for libpq, one second means two. */
static int
connect_timeout(PGconn *pg)
{
	char *value = parameter_of(pg, "connect_timeout");
	int timeout = value ? atoi(value) : 0;

	pg_free(value);
	return timeout == 1 ? 2 : Max(timeout, 0);
}

/*
 * Set on the socket and not in the connection string: there they would have
 * precedence over what a service file says.
 */
static void
set_keepalives(PGconn *pg)
{
	int idle = KEEPALIVE_IDLE;
	int interval = KEEPALIVE_INTERVAL;
	int count = KEEPALIVE_COUNT;
	unsigned int timeout = (KEEPALIVE_IDLE + KEEPALIVE_INTERVAL * KEEPALIVE_COUNT) * 1000;
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (getsockname(PQsocket(pg), (struct sockaddr *) &address, &length) != 0 ||
		address.ss_family == AF_UNIX || parameter_of(pg, "keepalives_idle"))
		return;
	(void) setsockopt(PQsocket(pg), IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void) setsockopt(PQsocket(pg), IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	(void) setsockopt(PQsocket(pg), IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
#ifdef TCP_USER_TIMEOUT
	/* while something is on its way there are no keepalives */
	if (parameter_of(pg, "tcp_user_timeout") == NULL)
		(void) setsockopt(PQsocket(pg), IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
#endif
}

static PGconn *
connect_to(const Environment *environment, bool wait)
{
	const char *keywords[] = {"fallback_application_name",
							  environment->service ? "service" : "dbname", "client_encoding", NULL};
	const char *values[] = {"dbmaestro",
							environment->service ? environment->service : environment->conninfo,
							"UTF8", NULL};
	int expand = environment->service == NULL;
	PGconn *pg = wait ? PQconnectdbParams(keywords, values, expand)
					  : PQconnectStartParams(keywords, values, expand);

	if (pg == NULL)
		pg_fatal("out of memory");
	return pg;
}

static char *
without_newline(const char *text)
{
	char *copy = pg_strdup(text);
	size_t length = strlen(copy);

	while (length > 0 && copy[length - 1] == '\n')
		copy[--length] = '\0';
	return copy;
}

/* A connection that is being made beside others.  The timeout, libpq leaves to us then. */
typedef struct Attempt
{
	const Environment *environment;
	PGconn *pg;
	PostgresPollingStatusType wants;
	time_t deadline;			/* 0: none */
	bool expired;
} Attempt;

static Attempt
begin_attempt(const Environment *environment)
{
	Attempt attempt = {environment, connect_to(environment, false), PGRES_POLLING_WRITING};
	int timeout = connect_timeout(attempt.pg);

	if (PQstatus(attempt.pg) == CONNECTION_BAD)
		attempt.wants = PGRES_POLLING_FAILED;
	if (timeout > 0)
		attempt.deadline = time(NULL) + timeout;
	return attempt;
}

static bool
is_pending(const Attempt *attempt)
{
	return attempt->wants == PGRES_POLLING_READING || attempt->wants == PGRES_POLLING_WRITING;
}

/* Waits until one of them can go on, but a second at most, for those that have a deadline. */
static int
wait_for_attempts(const Attempt *attempts, int count, struct pollfd *sockets)
{
	int pending = 0;
	int limit = -1;

	for (int at = 0; at < count; at++)
	{
		bool reading = attempts[at].wants == PGRES_POLLING_READING;

		sockets[at] = (struct pollfd) {-1, reading ? POLLIN : POLLOUT, 0};
		if (!is_pending(&attempts[at]))
			continue;
		sockets[at].fd = PQsocket(attempts[at].pg);
		if (attempts[at].deadline)
			limit = 1000;
		pending++;
	}
	if (pending > 0)
		(void) poll(sockets, count, limit);
	return pending;
}

/* From one host to the next after a timeout goes libpq only while it waits itself. */
static void
expire(Attempt *attempt)
{
	char *hosts = parameter_of(attempt->pg, "host");

	attempt->wants = PGRES_POLLING_FAILED;
	attempt->expired = hosts == NULL || strchr(hosts, ',') == NULL;
	pg_free(hosts);
	if (attempt->expired)
		return;
	PQfinish(attempt->pg);
	attempt->pg = connect_to(attempt->environment, true);
}

static void
advance(Attempt *attempt, const struct pollfd *socket)
{
	if (!is_pending(attempt))
		return;
	if (socket->revents)
		attempt->wants = PQconnectPoll(attempt->pg);
	else if (attempt->deadline && time(NULL) >= attempt->deadline)
		expire(attempt);
}

/* The connection that has come of an attempt; NULL if none has, with the reason in fault. */
static Connection *
end_attempt_bare(const Attempt *attempt, ConnectionFault *fault)
{
	Connection *connection = pg_malloc0(sizeof(Connection));

	connection->environment = attempt->environment;
	connection->pg = attempt->pg;
	*fault = (ConnectionFault) {EXIT_CONNECTION};
	if (attempt->expired)
		fault->message = psprintf("connection to \"%s\" failed: timeout expired",
								  PQhost(attempt->pg));
	else if (PQstatus(attempt->pg) != CONNECTION_OK)
		fault->message = without_newline(PQerrorMessage(attempt->pg));
	else if (PQserverVersion(attempt->pg) < OLDEST_SERVER)
	{
		fault->code = EXIT_ERROR;
		fault->message = psprintf("the server is PostgreSQL %s",
								  PQparameterStatus(attempt->pg, "server_version"));
		fault->hint = "dbmaestro needs PostgreSQL 15 or later.";
	}
	if (fault->message)
	{
		connection_close(connection);
		return NULL;
	}
	PQsetNoticeReceiver(connection->pg, message_notice, NULL);
	PQsetErrorVerbosity(connection->pg, message_verbosity());
	set_keepalives(connection->pg);
	return connection;
}

/* The same, and the extension is there. */
static Connection *
end_attempt(const Attempt *attempt, ConnectionFault *fault)
{
	Connection *connection = end_attempt_bare(attempt, fault);

	if (connection == NULL || queries_locate(connection, fault))
		return connection;
	connection_close(connection);
	return NULL;
}

void
connection_try_all(const Environment *const *environments, int count, Connection **connections,
				   ConnectionFault *faults)
{
	Attempt *attempts = pg_malloc0(count * sizeof(Attempt));
	struct pollfd *sockets = pg_malloc0(count * sizeof(struct pollfd));

	prepare_signals();
	for (int at = 0; at < count; at++)
		attempts[at] = begin_attempt(environments[at]);
	while (wait_for_attempts(attempts, count, sockets) > 0)
	{
		for (int at = 0; at < count; at++)
			advance(&attempts[at], &sockets[at]);
	}
	for (int at = 0; at < count; at++)
		connections[at] = end_attempt(&attempts[at], &faults[at]);
	pg_free(attempts);
	pg_free(sockets);
}

static Attempt
attempt_alone(const Environment *environment)
{
	Attempt attempt = {environment};

	prepare_signals();
	attempt.pg = connect_to(environment, true);
	return attempt;
}

Connection *
connection_try(const Environment *environment, ConnectionFault *fault)
{
	Attempt attempt = attempt_alone(environment);

	return end_attempt(&attempt, fault);
}

/* What libpq says comes without advice; no password is in what is shown. */
const char *
connection_advise(const Environment *environment, const ConnectionFault *fault)
{
	if (fault->hint || fault->code != EXIT_CONNECTION)
		return fault->hint;
	return psprintf("See whether psql can connect so: psql \"%s%s\"",
					environment->service ? "service=" : "",
					environment->service ? environment->service : environment->conninfo);
}

DBM_NORETURN static void
die_of(const Environment *environment, const ConnectionFault *fault)
{
	message_die(fault->code, connection_advise(environment, fault), "environment \"%s\": %s",
				environment->name, fault->message);
}

Connection *
connection_open(const Environment *environment)
{
	ConnectionFault fault;
	Connection *connection = connection_try(environment, &fault);

	if (connection == NULL)
		die_of(environment, &fault);
	return connection;
}

Connection *
connection_open_bare(const Environment *environment)
{
	ConnectionFault fault;
	Attempt attempt = attempt_alone(environment);
	Connection *connection = end_attempt_bare(&attempt, &fault);

	if (connection == NULL)
		die_of(environment, &fault);
	return connection;
}

/* Parameters of a connection for one more, but for the database. */
static void
copy_parameters(PGconn *pg, const char **keywords, const char **values)
{
	int count = 0;

	for (PQconninfoOption *option = PQconninfo(pg); option && option->keyword; option++)
	{
		const char *value = option->val;

		/* of several hosts the one that it came to; a service has been read already */
		if (strcmp(option->keyword, "host") == 0)
			value = PQhost(pg);
		else if (strcmp(option->keyword, "hostaddr") == 0 && value)
			value = PQhostaddr(pg);
		else if (strcmp(option->keyword, "port") == 0)
			value = PQport(pg);
		else if (strcmp(option->keyword, "password") == 0)
			value = PQpass(pg);
		else if (strcmp(option->keyword, "service") == 0 || strcmp(option->keyword, "dbname") == 0)
			continue;
		if (value == NULL || value[0] == '\0')
			continue;
		keywords[count] = option->keyword;
		values[count++] = value;
	}
	keywords[count] = NULL;
}

Connection *
connection_beside(const Connection *connection, const char *database, ConnectionFault *fault)
{
	const char *keywords[128] = {"dbname"};
	const char *values[128] = {database};
	Attempt attempt = {connection->environment};

	copy_parameters(connection->pg, keywords + 1, values + 1);
	attempt.pg = PQconnectdbParams(keywords, values, 0);
	if (attempt.pg == NULL)
		pg_fatal("out of memory");
	return end_attempt_bare(&attempt, fault);
}

void
connection_close(Connection *connection)
{
	PQfinish(connection->pg);
	pg_free(connection->schema);
	pg_free(connection->version);
	pg_free(connection);
}

bool
connection_succeeded(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

bool
connection_is_lost(const Connection *connection)
{
	return PQstatus(connection->pg) != CONNECTION_OK;
}

PGresult *
connection_expect(Connection *connection, PGresult *result)
{
	ExitCode code;

	if (connection_succeeded(result))
		return result;
	code = message_server_error(result);
	if (connection_is_lost(connection))
		code = EXIT_INTERRUPTED;
	exit(code);
}
