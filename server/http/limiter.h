/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limiter.h - how many full archives go out at one time.
 *
 * Units:    _ms milliseconds
 * Threads:  any
 */
#ifndef LIMITER_H
#define LIMITER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct limiter {
	uint64_t max;
	_Atomic uint64_t busy;
	_Atomic uint64_t typical_ms; /* of a transfer that ended, smoothed; 0: none yet */
};

/* Take a place; false: all are taken. */
bool limiter_take(struct limiter *l);
void limiter_give(struct limiter *l, uint64_t took_ms);

/* When a place is likely to be free; UINT64_MAX: not known. */
uint64_t limiter_need_ms(const struct limiter *l);

#endif
