/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * retain.h - retention: carries out what retention.h decides, and looks after the room.
 *
 * Does:     after something came into the cache, and every now and then, looks
 *           at all of it, removes what is to go, and asks for the content that has to be
 *           built first.
 * Units:    bytes, _ms milliseconds
 * Threads:  retain_tick from timers; the rest any. It works on the workers
 * Owner:    retain_new -> retain_free
 */
#ifndef RETAIN_H
#define RETAIN_H

#include "cache/builder_turns.h"
#include "cache/ledger.h"
#include "cache/stock.h"
#include "jobs/workers.h"
#include "model/options.h"
#include "settings.h"

struct retain;

struct retain_parts {
	const struct options *options;
	struct settings *settings;
	struct stock *stock;
	struct jobs *jobs;
	struct workers *workers;
	struct builder_turns *turns;
	struct ledger *ledger;
};
struct retain *retain_new(const struct retain_parts *parts);
void retain_free(struct retain *r);

/* Something came into the cache. */
void retain_note(struct retain *r);

/* So many bytes are needed and were not to be had. */
void retain_want(struct retain *r, uint64_t bytes);

/*
 * Room for what is about to grow to so many bytes under a name in stage/, until retain_release.
 * ERR_FULL: there is none, but may be soon; ERR_BUSY: somebody is at it.
 */
int retain_reserve(struct retain *r, const char *stage, uint64_t bytes, struct err *e);
/* The same, where nothing is to go for it. */
int retain_reserve_spare(struct retain *r, const char *stage, uint64_t bytes, struct err *e);
void retain_release(struct retain *r, const char *stage);

/* How much of the disk is left free: what was set, or retention's default for this disk. */
uint64_t retain_min_free_bytes(const struct options *o, uint64_t disk_bytes);

void retain_tick(struct retain *r, uint64_t now_ms);

#endif
