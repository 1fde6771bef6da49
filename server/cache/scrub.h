/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scrub.h - what is done to the cache when nobody asks for anything.
 *
 * Does:     writes to the index when files were served and checked; and scrubs:
 *           reads every file again after scrubInterval, one by one and slowly, so that what
 *           a disk has lost is noticed before it is needed. And tidies up after
 *           what failed.
 * Threads:  scrub_tick from timers; it works on the builders
 * Owner:    scrub_new -> scrub_free, which writes the last times
 */
#ifndef SCRUB_H
#define SCRUB_H

#include "server.h"

struct scrub *scrub_new(struct server *s);
void scrub_free(struct scrub *t);
void scrub_tick(struct scrub *t, uint64_t now_ms);

#endif
