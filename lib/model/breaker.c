/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/breaker.h"

enum { PROBE_MS = 1000 };

bool
breaker_allow(struct breaker *b, uint64_t now_ms)
{
	if (b->state == BREAKER_OPEN && now_ms >= b->until_ms) {
		b->state = BREAKER_PROBING;
		return true;
	}
	return b->state == BREAKER_CLOSED;
}

void
breaker_success(struct breaker *b)
{
	b->failures = 0;
	b->state = BREAKER_CLOSED;
}

static void
leave_alone(struct breaker *b, uint64_t until_ms)
{
	b->state = BREAKER_OPEN;
	if (until_ms > b->until_ms)
		b->until_ms = until_ms;
}

/* What was on its way when it opened changes nothing. */
void
breaker_failure(struct breaker *b, uint64_t now_ms)
{
	b->failures++;
	if (b->state == BREAKER_PROBING ||
		(b->state == BREAKER_CLOSED && b->failures >= b->threshold))
		leave_alone(b, now_ms + b->rest_ms);
}

void
breaker_rest(struct breaker *b, uint64_t now_ms, uint64_t rest_ms)
{
	leave_alone(b, now_ms + rest_ms);
}

void
breaker_abandon(struct breaker *b)
{
	if (b->state == BREAKER_PROBING)
		b->state = BREAKER_OPEN;
}

uint64_t
breaker_wait_ms(const struct breaker *b, uint64_t now_ms)
{
	if (b->state == BREAKER_PROBING)
		return PROBE_MS;
	return b->state == BREAKER_OPEN && b->until_ms > now_ms ? b->until_ms - now_ms : 0;
}
