/*
 * cli/exit_codes.h: what the command line ends with, stable for scripts
 */
#ifndef DBM_CLI_EXIT_CODES_H
#define DBM_CLI_EXIT_CODES_H

typedef enum ExitCode
{
	EXIT_DONE = 0,
	EXIT_ERROR = 1,
	EXIT_USAGE = 2,
	EXIT_PENDING = 3,
	EXIT_LINT = 4,
	EXIT_DRIFT = 5,
	EXIT_GATE = 6,
	EXIT_WINDOW = 7,
	EXIT_LOCK = 8,
	EXIT_CHECKSUM = 9,
	EXIT_INTERRUPTED = 10,
	EXIT_TEST = 11,
	EXIT_CONNECTION = 12,
	EXIT_PERMISSION = 13,
	EXIT_IDENTITY = 14,
	EXIT_BUSY = 15,
	EXIT_AUDIT = 16,
	EXIT_GUARD = 17,
} ExitCode;

/* The exit code for a SQLSTATE in its five characters; NULL is one of no server. */
extern ExitCode exit_code_of(const char *sqlstate);

/* Does the server say that this change does not run in one transaction, but may in steps? */
extern bool sqlstate_wants_steps(const char *sqlstate);

/* Does it say that a change has other content than the one that was applied? */
extern bool sqlstate_is_of_content(const char *sqlstate);

/* Does it say that some steps of a change are done, by another script or by one that came to no end? */
extern bool sqlstate_is_partial(const char *sqlstate);

/* Does it say that nobody has seen a step of a change come to its end? */
extern bool sqlstate_is_of_step(const char *sqlstate);

/* What a code means, or NULL behind the last one. */
extern const char *exit_code_meaning(int code);

/* What to do then, or NULL. */
extern const char *exit_code_next_step(int code);

/* Prints both tables: what each code means, and which SQLSTATEs lead to it. */
extern void exit_codes_print(void);

#endif							/* DBM_CLI_EXIT_CODES_H */
