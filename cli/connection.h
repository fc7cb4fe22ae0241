/*
 * cli/connection.h: the connection to one environment
 */
#ifndef DBM_CLI_CONNECTION_H
#define DBM_CLI_CONNECTION_H

#include "compat.h"
#include "config.h"
#include "exit_codes.h"

typedef struct Connection
{
	PGconn *pg;
	const Environment *environment;
	char *schema;				/* that holds the functions, quoted */
	char *version;				/* of the extension */
	int sent;					/* commands sent into the pipeline */
} Connection;

/* Why there is no connection. */
typedef struct ConnectionFault
{
	ExitCode code;
	char *message;
	const char *hint;
} ConnectionFault;

/*
 * Connects, and finds the extension.  NULL if that cannot be, with the reason
 * in fault.
 */
extern Connection *connection_try(const Environment *environment, ConnectionFault *fault);

/*
 * The same for many at the same time: connections holds NULL where faults
 * holds a reason.
 */
extern void connection_try_all(const Environment *const *environments, int count,
							   Connection **connections, ConnectionFault *faults);

/* What to do about it, or NULL. */
extern const char *connection_advise(const Environment *environment, const ConnectionFault *fault);

/* The same for one, ending the program where it cannot be. */
extern Connection *connection_open(const Environment *environment);

/*
 * The same where the extension need not be there yet: queries_locate is to
 * find it before any of its functions is called.
 */
extern Connection *connection_open_bare(const Environment *environment);

/*
 * Connects to another database of the server that a connection is to, in all
 * else as that does.  NULL if that cannot be, with the reason in fault.
 */
extern Connection *connection_beside(const Connection *connection, const char *database,
									 ConnectionFault *fault);

extern void connection_close(Connection *connection);

/*
 * From here to connection_unprotect an interrupt cancels what the server does,
 * and the program goes on, to say how things stand.  Elsewhere it ends it.
 */
extern void connection_protect(Connection *connection);
extern void connection_unprotect(void);

/* The same, but an interrupt goes on to cancel nothing and to end nothing. */
extern void connection_release(void);
extern bool connection_interrupted(void);

/* Cancels once more what the server does, for an interrupt that hit nothing. */
extern void connection_cancel(Connection *connection);

/* Is it an error?  If not, the result; else says the error and ends the program. */
extern PGresult *connection_expect(Connection *connection, PGresult *result);

extern bool connection_succeeded(const PGresult *result);
extern bool connection_is_lost(const Connection *connection);

#endif							/* DBM_CLI_CONNECTION_H */
