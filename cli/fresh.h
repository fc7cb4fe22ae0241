/*
 * cli/fresh.h: names of new changes
 */
#ifndef DBM_CLI_FRESH_H
#define DBM_CLI_FRESH_H

#include "config.h"

/* The slug with what the convention puts before it: the time, or the next number. */
extern char *fresh_name(const Config *config, const char *slug);

#endif							/* DBM_CLI_FRESH_H */
