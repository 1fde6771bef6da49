/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * absent.h - what is known not to exist upstream, in few bytes.
 *
 * Does:     remembers names by their hash, so that however many versions strangers invent they
 *           take no room from what is obtained. The last 65,536 are remembered; one that is
 *           forgotten costs the upstream one more question.
 * Threads:  one at a time: jobs.c has the lock
 * Owner:    absent_new -> absent_free
 */
#ifndef ABSENT_H
#define ABSENT_H

#include <stdbool.h>
#include <stdint.h>

struct absent;

struct absent *absent_new(void);
void absent_free(struct absent *a);

/* name: a hash that nobody outside can foresee (hash.h). */
void absent_add(struct absent *a, uint64_t name);
bool absent_has(const struct absent *a, uint64_t name);
void absent_remove(struct absent *a, uint64_t name);
void absent_clear(struct absent *a);

#endif
