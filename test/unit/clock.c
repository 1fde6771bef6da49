/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The clock of the unit tests goes on with the real one, and is ahead of it as far as a test says.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <time.h>

#include "unit.h"

static _Atomic uint64_t ahead_ms;
static void (*meanwhile)(void *context);
static void *meanwhile_context;
static _Atomic bool stopped;
static struct timespec stopped_at[CLOCK_MONOTONIC + 1];

void
unit_clock_advance_ms(uint64_t ms)
{
	ahead_ms += ms;
}

void
unit_clock_stop(void)
{
	for (clockid_t id = CLOCK_REALTIME; id <= CLOCK_MONOTONIC; id++)
		ck_assert_int_eq(clock_gettime(id, &stopped_at[id]), 0);
	ahead_ms = 0; /* it is in these */
	stopped = true;
}

/* In the place of the C library's, as with the disk that fails (faults.h). */
int
clock_gettime(clockid_t id, struct timespec *t)
{
	int (*real)(clockid_t, struct timespec *) =
		(int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	uint64_t ms = ahead_ms;
	int result;

	/* As exact as the others: what a test moves shows at once. */
	if (id == CLOCK_REALTIME_COARSE)
		id = CLOCK_REALTIME;
	else if (id == CLOCK_MONOTONIC_COARSE)
		id = CLOCK_MONOTONIC;
	result = real(id, t);
	if (stopped && id <= CLOCK_MONOTONIC)
		*t = stopped_at[id];
	t->tv_sec += (time_t)(ms / 1000);
	t->tv_nsec += (long)(ms % 1000) * 1000000;
	if (t->tv_nsec >= 1000000000) {
		t->tv_sec++;
		t->tv_nsec -= 1000000000;
	}
	return result;
}

void
unit_clock_meanwhile(void (*call)(void *context), void *context)
{
	meanwhile = call;
	meanwhile_context = context;
}

int
nanosleep(const struct timespec *time, struct timespec *left)
{
	int (*real)(const struct timespec *, struct timespec *) =
		(int (*)(const struct timespec *, struct timespec *))dlsym(RTLD_NEXT, "nanosleep");
	void (*call)(void *) = meanwhile;

	if (call == NULL)
		return real(time, left);
	meanwhile = NULL;
	call(meanwhile_context);
	return 0;
}
