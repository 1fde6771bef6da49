/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * clock.h - the two clocks, which never mix.
 *
 * Units:    _ms milliseconds, _us microseconds; wall: since 1970; mono: since some fixed point
 * Threads:  any
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

enum { CLOCK_TEXT = 32 };

/* For deadlines and durations. */
uint64_t clock_mono_ms(void);

/* For measuring. */
uint64_t clock_mono_us(void);

/* For people and for versions. */
uint64_t clock_wall_ms(void);

/*
 * Both as of the kernel's last tick, up to ten milliseconds ago: for what happens several times in
 * each request, and is of use in seconds. They cost a fifth.
 */
uint64_t clock_tick_ms(void);
uint64_t clock_wall_tick_ms(void);

/* "2026-11-30T00:56:46Z", of seconds since 1970; "?" of no time that can be written. Returns ret.
 */
char *clock_text(int64_t s, char ret[CLOCK_TEXT]);

/*
 * A time that was written down by the wall clock, which may have been set since: one that is still
 * to come is none (0).
 */
static inline uint64_t
clock_past_ms(uint64_t then_ms, uint64_t now_ms)
{
	return then_ms <= now_ms ? then_ms : 0;
}

#endif
