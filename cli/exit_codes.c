/*
 * cli/exit_codes.c: the one table from SQLSTATE to exit code
 */
#include "postgres_fe.h"

#include "catalog/pg_type_d.h"

/* As the server packs five characters into a number (utils/elog.h). */
#define PGSIXBIT(ch) (((ch) - '0') & 0x3F)
#define PGUNSIXBIT(val) (((val) & 0x3F) + '0')
#define MAKE_SQLSTATE(ch1, ch2, ch3, ch4, ch5)                                       \
	(PGSIXBIT(ch1) + (PGSIXBIT(ch2) << 6) + (PGSIXBIT(ch3) << 12) + (PGSIXBIT(ch4) << 18) + \
	 (PGSIXBIT(ch5) << 24))

#include "utils/errcodes.h"

#include "core/errors.h"
#include "exit_codes.h"
#include "print.h"
#include "table.h"

typedef struct Meaning
{
	const char *meaning;
	const char *next_step;
} Meaning;

static const Meaning meanings[] = {
	[EXIT_DONE] = {"done", NULL},
	[EXIT_ERROR] = {"an error", "the message says what is wrong and what to do"},
	[EXIT_USAGE] = {"the command line or the configuration was not understood",
					"dbmaestro help COMMAND, dbmaestro help configuration"},
	[EXIT_PENDING] = {"changes are pending", "dbmaestro deploy ENVIRONMENT"},
	[EXIT_LINT] = {"a rule of lint is broken", "correct the script"},
	[EXIT_DRIFT] = {"the schema is not what was recorded",
					"put what was changed by hand into a change"},
	[EXIT_GATE] = {"a gate is not met", "do what the gate that is named asks for"},
	[EXIT_WINDOW] = {"only the deployment window is not met",
					 "deploy again when the window is open"},
	[EXIT_LOCK] = {"a lock could not be had in time",
				   "deploy again when whoever holds the lock has ended: it goes on"},
	[EXIT_CHECKSUM] =
		{"a change was applied, whole or in part, with other content",
		 "give the script its old content back, and put what is new into another change"},
	[EXIT_INTERRUPTED] =
		{"interrupted: cancelled, the connection was lost, or a change is there in part",
		 "dbmaestro status ENVIRONMENT, then what that says, or deploy again: it goes on"},
	[EXIT_TEST] = {"a test failed", "correct the change or the test"},
	[EXIT_CONNECTION] = {"could not connect", "try psql with the same connection string"},
	[EXIT_PERMISSION] = {"no permission", "ask for the capability or the right that is named"},
	[EXIT_IDENTITY] = {"the environment is detached, unconfirmed or another one",
					   "correct the connection string, or dbmaestro attach ENVIRONMENT"},
	[EXIT_BUSY] = {"another deployment is running",
				   "wait; dbmaestro status ENVIRONMENT shows how it stands"},
	[EXIT_AUDIT] = {"the record is not as it was made",
					"dbmaestro doctor ENVIRONMENT, and tell whoever answers for the database"},
	[EXIT_GUARD] = {"refused by the guard", "put the statement into a change and deploy that"},
};

/* A row for a class (its last three characters are 000) counts where no code of it has one. */
static const struct
{
	int sqlstate;
	ExitCode code;
} mapping[] = {
	{ERRCODE_DBM_OUTSIDE_CHANGE, EXIT_GUARD},
	{ERRCODE_DBM_SELF_PROTECTION, EXIT_GUARD},
	{ERRCODE_DBM_RESET, EXIT_GUARD},
	{ERRCODE_DBM_CAPABILITY, EXIT_PERMISSION},
	{ERRCODE_DBM_NOT_OWN_STATEMENT, EXIT_ERROR},
	{ERRCODE_DBM_NOT_INITIALISED, EXIT_ERROR},
	{ERRCODE_DBM_DETACHED, EXIT_IDENTITY},
	{ERRCODE_DBM_UNCONFIRMED, EXIT_IDENTITY},
	{ERRCODE_DBM_OTHER_ENVIRONMENT, EXIT_IDENTITY},
	{ERRCODE_DBM_VERSION_MISMATCH, EXIT_ERROR},
	{ERRCODE_DBM_TABLE_ALTERED, EXIT_AUDIT},
	{ERRCODE_DBM_CHECKSUM, EXIT_CHECKSUM},
	{ERRCODE_DBM_SCRIPT_REFUSED, EXIT_ERROR},
	{ERRCODE_DBM_NOT_TRANSACTIONAL, EXIT_ERROR},
	{ERRCODE_DBM_SECRET, EXIT_ERROR},
	{ERRCODE_DBM_EMPTY_SCRIPT, EXIT_ERROR},
	{ERRCODE_DBM_CHANGE_NAME, EXIT_ERROR},
	{ERRCODE_DBM_UNDEFINED_CHANGE, EXIT_ERROR},
	{ERRCODE_DBM_NO_ROLLBACK, EXIT_ERROR},
	{ERRCODE_DBM_ROLLBACK_ORDER, EXIT_ERROR},
	{ERRCODE_DBM_ROLLBACK_NOT_PROVEN, EXIT_ERROR},
	{ERRCODE_DBM_REQUIREMENT, EXIT_GATE},
	{ERRCODE_DBM_PARTIAL, EXIT_INTERRUPTED},
	{ERRCODE_DBM_PARTIAL_CHECKSUM, EXIT_CHECKSUM},
	{ERRCODE_DBM_CORRECTION, EXIT_ERROR},
	{ERRCODE_DBM_DEPLOYMENT_IN_PROGRESS, EXIT_BUSY},
	{ERRCODE_DBM_NESTED_RUN, EXIT_ERROR},
	{ERRCODE_DBM_TRANSACTION_STATE, EXIT_ERROR},
	{ERRCODE_DBM_DEPLOYMENT_STATE, EXIT_ERROR},
	{ERRCODE_DBM_NOT_IN_DEPLOYMENT, EXIT_ERROR},
	{ERRCODE_DBM_PERMIT, EXIT_ERROR},
	{ERRCODE_DBM_STEP, EXIT_ERROR},
	{ERRCODE_DBM_GATE, EXIT_GATE},
	{ERRCODE_DBM_WINDOW, EXIT_WINDOW},
	{ERRCODE_DBM_NOT_PROMOTED, EXIT_GATE},
	{ERRCODE_DBM_DRIFT, EXIT_DRIFT},
	{ERRCODE_DBM_BASELINE, EXIT_ERROR},
	{ERRCODE_CONNECTION_EXCEPTION, EXIT_CONNECTION},
	{ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, EXIT_CONNECTION},
	{ERRCODE_INVALID_CATALOG_NAME, EXIT_CONNECTION},
	{ERRCODE_TOO_MANY_CONNECTIONS, EXIT_CONNECTION},
	{ERRCODE_CANNOT_CONNECT_NOW, EXIT_CONNECTION},
	{ERRCODE_INSUFFICIENT_PRIVILEGE, EXIT_PERMISSION},
	{ERRCODE_LOCK_NOT_AVAILABLE, EXIT_LOCK},
	{ERRCODE_T_R_DEADLOCK_DETECTED, EXIT_LOCK},
	{ERRCODE_QUERY_CANCELED, EXIT_INTERRUPTED},
	{ERRCODE_ADMIN_SHUTDOWN, EXIT_INTERRUPTED},
	{ERRCODE_CRASH_SHUTDOWN, EXIT_INTERRUPTED},
	{ERRCODE_IDLE_SESSION_TIMEOUT, EXIT_INTERRUPTED},
};

static void
unpack_sqlstate(int sqlstate, char *text)
{
	for (int at = 0; at < 5; at++, sqlstate >>= 6)
		text[at] = PGUNSIXBIT(sqlstate);
	text[5] = '\0';
}

static bool
is_class(const char *sqlstate)
{
	return strcmp(sqlstate + 2, "000") == 0;
}

ExitCode
exit_code_of(const char *sqlstate)
{
	ExitCode of_class = EXIT_ERROR;

	if (sqlstate == NULL || strlen(sqlstate) != 5)
		return EXIT_ERROR;
	for (int at = 0; at < lengthof(mapping); at++)
	{
		char text[6];

		unpack_sqlstate(mapping[at].sqlstate, text);
		if (strcmp(text, sqlstate) == 0)
			return mapping[at].code;
		if (is_class(text) && strncmp(text, sqlstate, 2) == 0)
			of_class = mapping[at].code;
	}
	return of_class;
}

static bool
is_sqlstate(const char *sqlstate, int code)
{
	char text[6];

	unpack_sqlstate(code, text);
	return sqlstate && strcmp(text, sqlstate) == 0;
}

bool
sqlstate_wants_steps(const char *sqlstate)
{
	return is_sqlstate(sqlstate, ERRCODE_DBM_NOT_TRANSACTIONAL) ||
		   is_sqlstate(sqlstate, ERRCODE_DBM_PARTIAL);
}

bool
sqlstate_is_of_content(const char *sqlstate)
{
	return is_sqlstate(sqlstate, ERRCODE_DBM_CHECKSUM);
}

bool
sqlstate_is_partial(const char *sqlstate)
{
	return is_sqlstate(sqlstate, ERRCODE_DBM_PARTIAL) ||
		   is_sqlstate(sqlstate, ERRCODE_DBM_PARTIAL_CHECKSUM);
}

bool
sqlstate_is_of_step(const char *sqlstate)
{
	return is_sqlstate(sqlstate, ERRCODE_DBM_STEP);
}

const char *
exit_code_meaning(int code)
{
	return code < lengthof(meanings) ? meanings[code].meaning : NULL;
}

const char *
exit_code_next_step(int code)
{
	return meanings[code].next_step;
}

static char *
list_sqlstates(ExitCode code)
{
	char *list = pg_strdup("");

	for (int at = 0; at < lengthof(mapping); at++)
	{
		char text[6];

		if (mapping[at].code != code || code == EXIT_ERROR)
			continue;
		unpack_sqlstate(mapping[at].sqlstate, text);
		list = psprintf("%s%s%.*s%s", list, list[0] ? " " : "", is_class(text) ? 2 : 5, text,
						is_class(text) ? "..." : "");
	}
	return code == EXIT_ERROR ? pg_strdup("all others") : list;
}

void
exit_codes_print(void)
{
	static const TableColumn columns[] = {{"exit_code", INT4OID},
										  {"meaning", TEXTOID},
										  {"next_step", TEXTOID},
										  {"sqlstates", TEXTOID},
										  {NULL, 0}};
	PGresult *table = table_make(columns);

	for (int code = 0; code < lengthof(meanings); code++)
		table_add(table, psprintf("%d", code), meanings[code].meaning, meanings[code].next_step,
				  list_sqlstates(code));
	print_rows(table, NULL);
	PQclear(table);
}
