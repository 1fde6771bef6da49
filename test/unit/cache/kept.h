/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kept.h - a server's cache and all that looks after it, for tests; nothing is asked of any
 * upstream, and the jobs that are asked for wait to be taken.
 *
 * Owner:    kept_set_up -> kept_tear_down
 */
#ifndef KEPT_H
#define KEPT_H

#include "cache/announce.h"
#include "cache/builder_job.h"
#include "cache/retain.h"

struct kept {
	char *path;
	int dir;
	struct options options;
	struct settings *settings;
	struct usage *usage;
	struct stock *stock;
	struct jobs *jobs;
	struct workers *workers; /* one: the builders as well */
	struct builder_turns *turns;
	struct ledger *ledger;
	struct retain *retain;
	struct announce *announce;
};

/* channels: what config/channels.json says; NULL: there is none. */
void kept_set_up(struct kept *k, const char *channels);
/* Over a cache that is there. */
void kept_set_up_at(struct kept *k, const char *path);
void kept_tear_down(struct kept *k);

void kept_put_channels(struct kept *k, const char *text);

/* What the worker had to do has been done. */
void kept_settle(struct kept *k);

/* An archive of a version of "t", of 8 bytes; those of a format have the same. */
struct record kept_put(
	struct kept *k, uint64_t version, const struct edition *base, enum format format);

/* What clients are told of: "type/version " of each. In one buffer. */
const char *kept_announced(struct kept *k);

/* What waits in a queue: "type/version " of each, which is RUNNING then. In one buffer. */
const char *kept_taken(struct kept *k, enum job_queue queue);

#endif
