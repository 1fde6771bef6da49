/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scrub.h - what is done to the cache when nobody asks for anything.
 *
 * Does:     writes to the index when files were served and checked; and scrubs:
 *           reads every file again after scrubInterval, one by one and slowly, so that what
 *           a disk has lost is noticed before it is needed. And tidies up after
 *           what failed.
 * Threads:  scrub_check on the workers; scrub_tick from timers; it works on the builders
 * Owner:    scrub_new -> scrub_free, which writes the last times
 */
#ifndef SCRUB_H
#define SCRUB_H

#include "cache/legacy.h"
#include "cache/stock.h"
#include "jobs/workers.h"
#include "model/options.h"

struct scrub;

struct scrub_parts {
	const struct options *options;
	struct stock *stock;
	struct legacy *legacy;
	struct workers *builders;
};
struct scrub *scrub_new(const struct scrub_parts *parts);

/* Run a CHECK job: a stored file whose digest was not looked at since the start. */
void scrub_check(struct stock *stock, struct jobs *jobs, struct job *job);

void scrub_free(struct scrub *t);
void scrub_tick(struct scrub *t, uint64_t now_ms);

#endif
