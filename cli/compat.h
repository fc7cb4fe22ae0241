/*
 * cli/compat.h: every difference between client libraries of PostgreSQL 15 to 18
 *
 * No other file of cli/ tests a version or a feature of libpq.
 */
#ifndef DBM_CLI_COMPAT_H
#define DBM_CLI_COMPAT_H

#include "libpq-fe.h"

/* 18 writes it before the declaration, 15 to 17 behind; compilers take it before. */
#define DBM_NORETURN __attribute__((noreturn))

/* Part of libpq since 14, so this can only be a library that is much too old. */
#ifndef LIBPQ_HAS_PIPELINING
#error "dbmaestro needs libpq 14 or newer"
#endif

#endif							/* DBM_CLI_COMPAT_H */
