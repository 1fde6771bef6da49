/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/limiter.h"

/* What one address may have while so many are taken by all; one in any case. */
static uint64_t
share_of_one(const struct limiter *l, uint64_t busy)
{
	uint64_t share = busy < l->max - l->max / 2 ? l->max - l->max / 2 : l->max / 4;

	return share > 0 ? share : 1;
}

/* Compared and exchanged, not counted and taken back: never above max, not even for a moment. */
bool
limiter_take(struct limiter *l, _Atomic uint64_t *own, uint64_t now_ms)
{
	uint64_t busy = l->busy;

	while (busy < l->max && *own < share_of_one(l, busy))
		if (atomic_compare_exchange_weak(&l->busy, &busy, busy + 1)) {
			(void)atomic_fetch_add(own, 1);
			return true;
		}
	if (busy >= l->max)
		l->refused_ms = now_ms;
	return false;
}

void
limiter_give(struct limiter *l, _Atomic uint64_t *own)
{
	(void)atomic_fetch_sub(own, 1);
	(void)atomic_fetch_sub(&l->busy, 1);
}

bool
limiter_take_arriving(struct limiter *l, _Atomic uint64_t *own, uint64_t now_ms)
{
	if (*own >= (l->max + 3) / 4)
		return false;
	if (atomic_fetch_add(&l->arriving, 1) < (l->max + 1) / 2 && limiter_take(l, own, now_ms))
		return true;
	(void)atomic_fetch_sub(&l->arriving, 1);
	return false;
}

void
limiter_give_arriving(struct limiter *l, _Atomic uint64_t *own)
{
	(void)atomic_fetch_sub(&l->arriving, 1);
	limiter_give(l, own);
}

void
limiter_note(struct limiter *l, uint64_t took_ms)
{
	uint64_t typical_ms = l->typical_ms;

	typical_ms = typical_ms == 0 ? took_ms : (typical_ms * 7 + took_ms) / 8;
	/* Of two that end at once one may be lost: it is an estimate. */
	l->typical_ms = typical_ms > 0 ? typical_ms : 1;
}

uint64_t
limiter_need_ms(const struct limiter *l)
{
	uint64_t typical_ms = l->typical_ms;

	/* With max transfers spread evenly over their time, one ends every max-th of it. */
	return typical_ms == 0 ? UINT64_MAX : typical_ms / l->max;
}
