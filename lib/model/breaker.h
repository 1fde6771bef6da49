/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * breaker.h - when an upstream that fails is left alone: a circuit breaker.
 *
 * Does:     CLOSED: it is asked. OPEN: after `threshold` failures in a row, or when
 *           it said so itself, it is left alone for a time. PROBING: that time is over, and
 *           one request finds out; a success closes, a failure opens again.
 * Units:    _ms milliseconds, monotonic
 * Threads:  one at a time
 */
#ifndef BREAKER_H
#define BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_PROBING };

struct breaker {
	enum breaker_state state;
	unsigned failures; /* in a row */
	uint64_t until_ms; /* OPEN: it is left alone until then */
	bool asked;	   /* OPEN: for that long, by itself */
	/* The settings. */
	unsigned threshold;
	uint64_t rest_ms;
};

/*
 * Whether a request may go there now. An open one whose time is over becomes
 * PROBING, and the caller's request is the probe: it has to be reported.
 */
bool breaker_allow(struct breaker *b, uint64_t now_ms);

/* How a request went. A success ends no rest that was asked for. */
void breaker_success(struct breaker *b, uint64_t now_ms);
void breaker_failure(struct breaker *b, uint64_t now_ms);

/* It asked to be left alone for so long. */
void breaker_rest(struct breaker *b, uint64_t now_ms, uint64_t rest_ms);

/* A request ended without telling anything of the upstream. */
void breaker_abandon(struct breaker *b);

/* How long until a request may go there; 0: now. While it is probed nobody knows: a second. */
uint64_t breaker_wait_ms(const struct breaker *b, uint64_t now_ms);

#endif
