/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pace.h - how fast bytes may come, by the time of day.
 *
 * Does:     reads a schedule such as "500k@08:00-18:00,0", and counts bytes
 *           against the rate that applies, for all transfers together.
 * Shapes:   RATE[@HH:MM-HH:MM],...: the first whose time it is applies; a time
 *           may pass midnight; where none applies there is no limit
 * Units:    bytes a second; _ms milliseconds, monotonic; minutes since midnight
 * Threads:  one at a time
 * Errors:   ERR_INPUT naming the element
 */
#ifndef PACE_H
#define PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { PACE_WINDOWS_MAX = 16, PACE_RATE_MIN = 16384 };

struct pace_schedule {
	struct {
		uint64_t rate; /* 0: no limit */
		unsigned from; /* minutes; from == to: always */
		unsigned to;
	} at[PACE_WINDOWS_MAX];
	size_t count;
};

int pace_parse(const char *text, struct pace_schedule *ret, struct err *e);

/* The rate at this minute of the day; 0: no limit. */
uint64_t pace_rate(const struct pace_schedule *s, unsigned minute);

/* Whether it ever limits. */
bool pace_limits(const struct pace_schedule *s);

/* Bytes that were moved and not yet paid for by time. */
struct pace {
	uint64_t rate;
	uint64_t owed; /* bytes */
	uint64_t at_ms;
};

void pace_set(struct pace *p, uint64_t rate, uint64_t now_ms);
void pace_add(struct pace *p, uint64_t bytes, uint64_t now_ms);

/* How long to wait before more may come; 0: now. */
uint64_t pace_wait_ms(struct pace *p, uint64_t now_ms);

#endif
