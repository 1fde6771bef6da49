/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tend.h - what is done to the cache when nobody asks for anything.
 *
 * Does:     writes to the index when files were served and checked; and scrubs:
 *           reads every file again after scrubInterval, one by one and slowly, so that what
 *           a disk has lost is noticed before it is needed. And tidies up after
 *           what failed.
 * Threads:  tend_tick from the keeper; it works on the builders
 * Owner:    tend_new -> tend_free, which writes the last times
 */
#ifndef TEND_H
#define TEND_H

#include "server.h"

struct tend *tend_new(struct server *s);
void tend_free(struct tend *t);
void tend_tick(struct tend *t, uint64_t now_ms);

#endif
