/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * load_run.h - many clients in a few threads.
 *
 * Does:     each client asks at its times for what is new, obtains it as guts2-client
 *           does (offer, header, archive, whose digest is checked), and comes back as told.
 *           Nothing is decoded or kept. At the end those that are there get eight real
 *           seconds, and as long as anything comes.
 * Units:    _s seconds of the clients, which pass `speed` times as fast as real ones
 * Threads:  load_run starts its own and joins them; load_run_stopped from a signal handler
 */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include <stdatomic.h>

#include "base/err.h"
#include "load/load_stats.h"
#include "model/ident.h"
#include "model/origin.h"

/* So many of weight_sum clients begin with the version at `index`; the count: with none. */
struct load_share {
	size_t index;
	double weight;
};

struct load_settings {
	const struct origin *server;
	const char *type;
	uint64_t clients;
	const struct edition *editions; /* that clients begin with */
	size_t edition_count;
	const struct load_share *shares;
	size_t share_count;
	uint64_t interval_s;
	double speed;
	uint64_t seconds; /* real ones */
	unsigned threads;
};

/* Run; the report's samples are the caller's to free. -1: it could not start. */
int load_run(const struct load_settings *s, struct load_report *ret, struct err *e);

/* Set it to end early, with a report of what there was. */
extern atomic_bool load_run_stopped;

#endif
