/*
 * ledger/ledger.h: the door of the room when the library is loaded
 */
#ifndef DBM_LEDGER_LEDGER_H
#define DBM_LEDGER_LEDGER_H

extern void dbm_ledger_init(void);

#endif							/* DBM_LEDGER_LEDGER_H */
