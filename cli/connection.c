/*
 * cli/connection.c: the connection to one environment
 */
#include "postgres_fe.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fe_utils/cancel.h"

#include "connection.h"
#include "message.h"
#include "queries.h"

/* Seconds: a peer that is gone is noticed after about two minutes, in place of the system's two hours. */
#define KEEPALIVE_IDLE 60
#define KEEPALIVE_INTERVAL 15
#define KEEPALIVE_COUNT 4

static volatile sig_atomic_t protected = false;

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

/* A job that is ended in CI gets SIGTERM. */
static void
interrupt(int number)
{
	kill(getpid(), SIGINT);
}

static void
prepare_signals(void)
{
	static bool prepared = false;

	if (prepared)
		return;
	setup_cancel_handler(end_unless_protected);
	signal(SIGTERM, interrupt);
	prepared = true;
}

void
connection_protect(Connection *connection)
{
	SetCancelConn(connection->pg);
	protected = true;
}

void
connection_unprotect(void)
{
	protected = false;
	ResetCancelConn();
	if (CancelRequested)
		end_unless_protected();
}

bool
connection_interrupted(void)
{
	return CancelRequested;
}

void
connection_cancel(Connection *connection)
{
	PGcancel *cancel = PQgetCancel(connection->pg);
	char fault[256];

	if (cancel)
		(void) PQcancel(cancel, fault, sizeof(fault));
	PQfreeCancel(cancel);
}

static bool
is_configured(PGconn *pg, const char *keyword)
{
	PQconninfoOption *options = PQconninfo(pg);
	bool configured = false;

	for (PQconninfoOption *option = options; option && option->keyword; option++)
		configured = configured ||
			(strcmp(option->keyword, keyword) == 0 && option->val && option->val[0]);
	PQconninfoFree(options);
	return configured;
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
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (getsockname(PQsocket(pg), (struct sockaddr *) &address, &length) != 0 ||
		address.ss_family == AF_UNIX || is_configured(pg, "keepalives_idle"))
		return;
	(void) setsockopt(PQsocket(pg), IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void) setsockopt(PQsocket(pg), IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	(void) setsockopt(PQsocket(pg), IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

static PGconn *
connect_to(const Environment *environment)
{
	const char *keywords[] = {"fallback_application_name",
							  environment->service ? "service" : "dbname", "client_encoding", NULL};
	const char *values[] = {"dbmaestro",
							environment->service ? environment->service : environment->conninfo,
							"UTF8", NULL};

	return PQconnectdbParams(keywords, values, environment->service == NULL);
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

/* Connects, and looks for nothing. */
static Connection *
connect_bare(const Environment *environment, ConnectionFault *fault)
{
	Connection *connection = pg_malloc0(sizeof(Connection));

	prepare_signals();
	connection->environment = environment;
	connection->pg = connect_to(environment);
	if (PQstatus(connection->pg) != CONNECTION_OK)
	{
		*fault = (ConnectionFault) {EXIT_CONNECTION, without_newline(PQerrorMessage(connection->pg)),
									NULL};
		connection_close(connection);
		return NULL;
	}
	PQsetNoticeReceiver(connection->pg, message_notice, NULL);
	PQsetErrorVerbosity(connection->pg, message_verbosity());
	set_keepalives(connection->pg);
	return connection;
}

Connection *
connection_try(const Environment *environment, ConnectionFault *fault)
{
	Connection *connection = connect_bare(environment, fault);

	if (connection == NULL || queries_locate(connection, fault))
		return connection;
	connection_close(connection);
	return NULL;
}

DBM_NORETURN static void
die_of(const Environment *environment, const ConnectionFault *fault)
{
	message_die(fault->code, fault->hint, "environment \"%s\": %s", environment->name,
				fault->message);
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
	Connection *connection = connect_bare(environment, &fault);

	if (connection == NULL)
		die_of(environment, &fault);
	return connection;
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
