/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/breaker.h"

/* How soon to look again while nobody knows how long the probe takes. */
enum { PROBE_MS = 1000 };

/*
 * The state is left in the same call that lets a request through, so that of any number that ask at
 * once one is the probe. Where many were let through, an upstream that is just coming back would be
 * buried again.
 */
bool
breaker_allow(struct breaker *b, uint64_t now_ms)
{
	if (b->state == BREAKER_OPEN && now_ms >= b->until_ms) {
		b->state = BREAKER_PROBING;
		return true;
	}
	return b->state == BREAKER_CLOSED;
}

/*
 * An answer that was on its way when it opened is as good as that of a probe; but where it was
 * asked for, the rest is kept, whatever else came back.
 */
void
breaker_success(struct breaker *b, uint64_t now_ms)
{
	b->failures = 0;
	if (b->state == BREAKER_OPEN && b->asked && now_ms < b->until_ms)
		return;
	b->state = BREAKER_CLOSED;
	b->asked = false;
}

/* What the upstream asked for itself is not cut short by a shorter rest that follows. */
static void
leave_alone(struct breaker *b, uint64_t until_ms)
{
	b->state = BREAKER_OPEN;
	if (until_ms > b->until_ms)
		b->until_ms = until_ms;
}

/*
 * What was on its way when it opened changes nothing: with many transfers at a time their failures
 * would otherwise make the rest longer and longer.
 */
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
	b->asked = true;
}

/*
 * A probe that told nothing has to be given up, or PROBING would keep everybody out for ever. The
 * time is over, so that the next one who asks is the next probe.
 */
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
