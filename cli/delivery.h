/*
 * cli/delivery.h: bringing a commit to an environment, as deploy, promote and resume do it
 */
#ifndef DBM_CLI_DELIVERY_H
#define DBM_CLI_DELIVERY_H

#include "connection.h"
#include "options.h"
#include "repository.h"

typedef struct Delivery
{
	const Config *config;
	Repository *repository;
	Connection *connection;
	const char *last_wanted;	/* change behind which to stop, unless --to says; or NULL */
	bool single_transaction;	/* all changes or none, also unless --single-transaction says so */
	const char *source;			/* name of the environment that is followed, or NULL */
	const char *followed;		/* its dbm_manifest */
	const char *again;			/* the command that goes on after a failure */
	const char *anew;			/* the one that takes another commit, if that one does not; or NULL */
} Delivery;

/* The options --to, --dry-run and --single-transaction, for the tables of commands. */
extern const Option delivery_options[];

/* Ends the program if they were given to a command that deploys nothing. */
extern void delivery_refuse_options(void);

/* Is it only to be shown what would be done? */
extern bool delivery_is_shown_only(void);

/* Fetches the dbm_manifest of the environment that is followed. */
extern void delivery_follow(Delivery *delivery, const Environment *source);

/* Plans and applies what is pending, and tells what became of it. */
extern ExitCode delivery_run(Delivery *delivery);

#endif							/* DBM_CLI_DELIVERY_H */
