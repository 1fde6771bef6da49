/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"

#include <string.h>
#include <time.h>

/*
 * It cannot fail for the clocks used here, and does not enter the kernel, vdso(7): callers may ask
 * as often as they like.
 */
static uint64_t
read_us(clockid_t id)
{
	struct timespec t = {0};

	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t
clock_mono_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t
clock_tick_ms(void)
{
	return read_us(CLOCK_MONOTONIC_COARSE) / 1000;
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

uint64_t
clock_wall_tick_ms(void)
{
	return read_us(CLOCK_REALTIME_COARSE) / 1000;
}

char *
clock_text(int64_t s, char ret[CLOCK_TEXT])
{
	const time_t time = s;
	struct tm utc;

	if (gmtime_r(&time, &utc) == NULL ||
		strftime(ret, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		memcpy(ret, "?", 2);
	return ret;
}
