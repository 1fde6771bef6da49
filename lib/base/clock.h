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

/* For deadlines and durations. */
uint64_t clock_mono_ms(void);

/* For measuring. */
uint64_t clock_mono_us(void);

/* For people and for versions. */
uint64_t clock_wall_ms(void);

#endif
