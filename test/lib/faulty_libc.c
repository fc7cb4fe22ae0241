/*
 * test/lib/faulty_libc.c: memory that is not to be had, and a clock that was set
 *
 * Loaded before the server by LD_PRELOAD, and once more by it: fail_malloc(n)
 * has the n-th request for memory from there on fail, failures() tells how many
 * have; set_clock(seconds) moves the time of day of this process.
 */
#include "postgres.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#include "fmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(fail_malloc);
PG_FUNCTION_INFO_V1(failures);
PG_FUNCTION_INFO_V1(set_clock);

#undef malloc
#undef calloc
#undef realloc

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static int	left = 0;			/* requests up to the one that fails; 0: none does */
static int	failed = 0;
static int	offset = 0;

static int
is_to_fail(void)
{
	if (left == 0 || --left > 0)
		return 0;
	failed++;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t size)
{
	return is_to_fail() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return is_to_fail() ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *memory, size_t size)
{
	return is_to_fail() ? NULL : __libc_realloc(memory, size);
}

int
gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_REALTIME, &now);
	time->tv_sec = now.tv_sec + offset;
	time->tv_usec = now.tv_nsec / 1000;
	return 0;
}

Datum
fail_malloc(PG_FUNCTION_ARGS)
{
	failed = 0;
	left = PG_GETARG_INT32(0);
	PG_RETURN_VOID();
}

Datum
failures(PG_FUNCTION_ARGS)
{
	left = 0;
	PG_RETURN_INT32(failed);
}

Datum
set_clock(PG_FUNCTION_ARGS)
{
	offset = PG_GETARG_INT32(0);
	PG_RETURN_VOID();
}
