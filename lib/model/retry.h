/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * retry.h - when to try again.
 *
 * Units:    _ms milliseconds, _s seconds; random is any uniformly spread number
 * Source:   guts2(7), ANSWERS; guts2-client(1), --interval
 */
#ifndef RETRY_H
#define RETRY_H

#include <stdint.h>

/*
 * How long to leave an upstream alone after the attempt-th failure in a row
 * (1 is the first): any time ("full jitter") up to one that doubles from one
 * second to five minutes, but at least a tenth of a second.
 */
uint64_t retry_backoff_ms(unsigned attempt, uint32_t random);

/*
 * The Retry-After for something that needs need_ms (UINT64_MAX: nobody knows):
 * up to 20 % more, then within min_ms and max_ms, in whole seconds, at least 1.
 */
uint64_t retry_after_s(uint64_t need_ms, uint64_t min_ms, uint64_t max_ms, uint32_t random);

/* Up to a tenth less, and up to a tenth more. */
uint64_t retry_spread_ms(uint64_t ms, uint64_t random);

#endif
