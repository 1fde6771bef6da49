/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limiter.h - how many full archives go out at one time, and how many of these to one address.
 *
 * Units:    _ms milliseconds, monotonic
 * Threads:  any
 * Source:   guts2d(8), LIMITS
 */
#ifndef LIMITER_H
#define LIMITER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct limiter {
	uint64_t max;
	_Atomic uint64_t busy;
	_Atomic uint64_t arriving;   /* of these, for what still arrives */
	_Atomic uint64_t typical_ms; /* of a transfer that ended, smoothed; 0: none yet */
	_Atomic uint64_t refused_ms; /* when somebody found no place; 0: nobody has */
};

/*
 * Take a place, of which the address has *own already; false: all are taken, or it has its share.
 * One address may have half of all, and a quarter where the other half is taken.
 */
bool limiter_take(struct limiter *l, _Atomic uint64_t *own, uint64_t now_ms);
void limiter_give(struct limiter *l, _Atomic uint64_t *own);

/*
 * The same for what still arrives, which takes as long as somebody else does: half of all places at
 * the most, and a quarter to one address.
 */
bool limiter_take_arriving(struct limiter *l, _Atomic uint64_t *own, uint64_t now_ms);
void limiter_give_arriving(struct limiter *l, _Atomic uint64_t *own);

/* A transfer went out in this time. */
void limiter_note(struct limiter *l, uint64_t took_ms);

/* When a place is likely to be free; UINT64_MAX: not known. */
uint64_t limiter_need_ms(const struct limiter *l);

#endif
