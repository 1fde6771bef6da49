/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/retry.h"

enum { LEAST_MS = 100, FIRST_MS = 1000, LONGEST_MS = 300000 };

/*
 * Anything up to the limit, and not the limit plus a little: servers that lost their cloud in the
 * same moment come back evenly spread. LEAST_MS keeps a lucky number from trying in a loop.
 */
uint64_t
retry_backoff_ms(unsigned attempt, uint32_t random)
{
	uint64_t ms = FIRST_MS;

	while (attempt > 1 && ms < LONGEST_MS) {
		ms *= 2;
		attempt--;
	}
	if (ms > LONGEST_MS)
		ms = LONGEST_MS;
	return LEAST_MS + random % (ms - LEAST_MS + 1);
}

/* The spread is kept within the limits too: it moves down where it cannot go up. */
uint64_t
retry_after_s(uint64_t need_ms, uint64_t min_ms, uint64_t max_ms, uint32_t random)
{
	uint64_t ms = need_ms < max_ms ? need_ms : max_ms;
	uint64_t spread_ms;
	uint64_t s;

	if (ms < min_ms)
		ms = min_ms;
	spread_ms = ms / 5;
	if (ms + spread_ms > max_ms)
		ms = max_ms > spread_ms ? max_ms - spread_ms : max_ms;
	if (ms < min_ms)
		ms = min_ms;
	if (spread_ms > max_ms - ms)
		spread_ms = max_ms - ms;
	ms += random % (spread_ms + 1);
	/* Rounded up within the limit: who comes a moment too early is sent away again. */
	s = (ms + 999) / 1000;
	if (s * 1000 > max_ms && s > 1)
		s = max_ms / 1000;
	return s > 0 ? s : 1;
}

uint64_t
retry_spread_ms(uint64_t ms, uint64_t random)
{
	uint64_t tenth_ms = ms / 10;

	return ms - tenth_ms + random % (2 * tenth_ms + 1);
}
