/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/limiter.h"

/* Compared and exchanged, not counted and taken back: never above max, not even for a moment. */
bool
limiter_take(struct limiter *l)
{
	uint64_t busy = l->busy;

	while (busy < l->max)
		if (atomic_compare_exchange_weak(&l->busy, &busy, busy + 1))
			return true;
	return false;
}

void
limiter_give(struct limiter *l, uint64_t took_ms)
{
	uint64_t typical_ms = l->typical_ms;

	/* Of two that give at once one may be lost: it is an estimate. */
	l->typical_ms = typical_ms == 0 ? took_ms : (typical_ms * 7 + took_ms) / 8;
	(void)atomic_fetch_sub(&l->busy, 1);
}

uint64_t
limiter_need_ms(const struct limiter *l)
{
	uint64_t typical_ms = l->typical_ms;

	/* With max transfers spread evenly over their time, one ends every max-th of it. */
	return typical_ms == 0 ? UINT64_MAX : typical_ms / l->max;
}
