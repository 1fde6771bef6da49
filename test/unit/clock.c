/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The clock of the unit tests, in place of base/clock.c: it goes on with the real one, and is ahead
 * of it as far as a test says.
 */
#include "base/clock.h"

#include <time.h>

#include "unit.h"

static _Atomic uint64_t ahead_ms;

static uint64_t
read_us(clockid_t id)
{
	struct timespec t = {0};

	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000 + ahead_ms * 1000;
}

void
unit_clock_advance_ms(uint64_t ms)
{
	ahead_ms += ms;
}

uint64_t
clock_mono_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t
clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

uint64_t
clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}
