/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wishes.h - how many questions for unknown previous versions go on to the upstream.
 *
 * Does:     a client may say that it has a version of which nothing is known here: an old one, or
 *           one that it made up. Such a question is passed on where its address has not asked
 *           for too many, nor all together have. One that comes again has a share of its own:
 *           whoever really has a version asks for the same again, and whoever invents does not.
 * Units:    _ms milliseconds, monotonic
 * Threads:  one at a time: jobs.c has the lock
 * Owner:    wishes_new -> wishes_free
 * Source:   guts2d(8), LIMITS
 */
#ifndef WISHES_H
#define WISHES_H

#include <stdbool.h>
#include <stdint.h>

struct wishes;

struct wishes *wishes_new(void);
void wishes_free(struct wishes *w);

/* asker, what: hashes of the address and of what is asked for, that nobody can foresee (hash.h). */
bool wishes_allow(struct wishes *w, uint64_t asker, uint64_t what, uint64_t now_ms);

#endif
