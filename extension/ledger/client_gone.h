/*
 * ledger/client_gone.h: whoever waits for long looks after its client
 */
#ifndef DBM_LEDGER_CLIENT_GONE_H
#define DBM_LEDGER_CLIENT_GONE_H

/*
 * Ends the session if its client is gone, as client_connection_check_interval
 * would; looks once a second at most.  May reset the latch: to be called before
 * what the latch stands for is looked at.
 */
extern void dbm_client_require(void);

#endif							/* DBM_LEDGER_CLIENT_GONE_H */
