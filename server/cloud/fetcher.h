/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fetcher.h - the thread that runs all transfers from the upstream.
 *
 * Does:     takes queued jobs, moves bytes into memory or stage/, and hands
 *           what arrived to the workers. Where an upstream fails the next one is
 *           asked. A transfer that breaks leaves its part, and the next one goes on from
 *           there.
 * Threads:  fetcher_wake and fetcher_note_via from any; the rest from main
 * Owner:    fetcher_start -> fetcher_stop -> fetcher_free, which drops transfers that
 *           did not end; in between workers may end what they took over
 */
#ifndef FETCHER_H
#define FETCHER_H

#include "cloud/fetch_job.h"

struct fetcher;

int fetcher_start(const struct fetcher_parts *parts, struct fetcher **ret, struct err *e);
void fetcher_wake(struct fetcher *f);

/* Another server polled us, and its poll came this way (hops.h). */
void fetcher_note_via(struct fetcher *f, const char *via);

/* The upstreams that it asks, for upstreams_look. */
const struct upstreams *fetcher_upstreams(const struct fetcher *f);

void fetcher_stop(struct fetcher *f);
void fetcher_free(struct fetcher *f);

#endif
