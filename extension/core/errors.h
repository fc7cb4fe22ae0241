/*
 * core/errors.h: the SQLSTATE class of dbmaestro, one code per kind of refusal
 *
 * The command line maps these to exit codes (design: one table, stable), so a
 * code never changes its meaning.  Where a standard code fits (wrong argument,
 * unknown object, not supported) the standard code is used instead.
 */
#ifndef DBM_CORE_ERRORS_H
#define DBM_CORE_ERRORS_H

#define DBM_SQLSTATE(d1, d2, d3) MAKE_SQLSTATE('M', 'A', d1, d2, d3)

/* the guard */
#define ERRCODE_DBM_OUTSIDE_CHANGE DBM_SQLSTATE('0', '0', '1')		/* schema change outside a run */
#define ERRCODE_DBM_SELF_PROTECTION DBM_SQLSTATE('0', '0', '2')		/* would harm dbmaestro itself */
#define ERRCODE_DBM_RESET DBM_SQLSTATE('0', '0', '3')				/* dbm_reset is not for this place */

/* who and where */
#define ERRCODE_DBM_CAPABILITY DBM_SQLSTATE('0', '1', '0')			/* the capability is missing */
#define ERRCODE_DBM_NOT_OWN_STATEMENT DBM_SQLSTATE('0', '1', '1')	/* not the client's own statement */
#define ERRCODE_DBM_NOT_INITIALISED DBM_SQLSTATE('0', '1', '2')		/* dbm_init has not been called */
#define ERRCODE_DBM_DETACHED DBM_SQLSTATE('0', '1', '3')			/* a copy of the database it was */
#define ERRCODE_DBM_UNCONFIRMED DBM_SQLSTATE('0', '1', '4')			/* the timeline has grown */
#define ERRCODE_DBM_VERSION_MISMATCH DBM_SQLSTATE('0', '1', '5')	/* library and SQL differ */
#define ERRCODE_DBM_TABLE_ALTERED DBM_SQLSTATE('0', '1', '6')		/* one of our tables is not as made */
#define ERRCODE_DBM_OTHER_ENVIRONMENT DBM_SQLSTATE('0', '1', '7')	/* meant for another one */

/* the change */
#define ERRCODE_DBM_CHECKSUM DBM_SQLSTATE('0', '2', '0')			/* same name, other content */
#define ERRCODE_DBM_SCRIPT_REFUSED DBM_SQLSTATE('0', '2', '1')		/* script holds what may not run */
#define ERRCODE_DBM_NOT_TRANSACTIONAL DBM_SQLSTATE('0', '2', '2')	/* cannot run in a transaction */
#define ERRCODE_DBM_SECRET DBM_SQLSTATE('0', '2', '3')				/* script holds a password */
#define ERRCODE_DBM_EMPTY_SCRIPT DBM_SQLSTATE('0', '2', '4')		/* script holds no statement */
#define ERRCODE_DBM_CHANGE_NAME DBM_SQLSTATE('0', '2', '5')			/* name does not match the pattern */
#define ERRCODE_DBM_UNDEFINED_CHANGE DBM_SQLSTATE('0', '2', '6')	/* no such change here */
#define ERRCODE_DBM_NO_ROLLBACK DBM_SQLSTATE('0', '2', '7')			/* the change has no rollback script */
#define ERRCODE_DBM_ROLLBACK_ORDER DBM_SQLSTATE('0', '2', '8')		/* a later change stands on it */
#define ERRCODE_DBM_ROLLBACK_NOT_PROVEN DBM_SQLSTATE('0', '2', '9') /* schema not as before the change */
#define ERRCODE_DBM_REQUIREMENT DBM_SQLSTATE('0', '2', 'A')			/* a required change is not applied */
#define ERRCODE_DBM_PARTIAL DBM_SQLSTATE('0', '2', 'B')				/* some steps of it are done */
#define ERRCODE_DBM_PARTIAL_CHECKSUM DBM_SQLSTATE('0', '2', 'C')	/* and by another content */
#define ERRCODE_DBM_CORRECTION DBM_SQLSTATE('0', '2', 'D')			/* does not go on from what is done */

/* the moment */
#define ERRCODE_DBM_DEPLOYMENT_IN_PROGRESS DBM_SQLSTATE('0', '3', '0')
#define ERRCODE_DBM_NESTED_RUN DBM_SQLSTATE('0', '3', '1')			/* a run inside a run */
#define ERRCODE_DBM_TRANSACTION_STATE DBM_SQLSTATE('0', '3', '2')	/* isolation, earlier writes, cursors */
#define ERRCODE_DBM_DEPLOYMENT_STATE DBM_SQLSTATE('0', '3', '3')	/* finished, interrupted, unknown */
#define ERRCODE_DBM_NOT_IN_DEPLOYMENT DBM_SQLSTATE('0', '3', '4')	/* not what its manifest says */
#define ERRCODE_DBM_PERMIT DBM_SQLSTATE('0', '3', '5')				/* no permit for this statement here and now */
#define ERRCODE_DBM_STEP DBM_SQLSTATE('0', '3', '6')				/* outcome of a step is not known */

/* the gates */
#define ERRCODE_DBM_GATE DBM_SQLSTATE('0', '4', '0')				/* a gate is not met */
#define ERRCODE_DBM_WINDOW DBM_SQLSTATE('0', '4', '1')				/* only the window is not met */
#define ERRCODE_DBM_NOT_PROMOTED DBM_SQLSTATE('0', '4', '2')		/* not from the one it follows */

/* the schema */
#define ERRCODE_DBM_DRIFT DBM_SQLSTATE('0', '5', '0')				/* not the schema that was named */
#define ERRCODE_DBM_BASELINE DBM_SQLSTATE('0', '5', '1')			/* changes were applied before it */

#endif							/* DBM_CORE_ERRORS_H */
