/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * timers.h - the thread of everything that happens at a time.
 *
 * Does:     the poll for metadata, deadlines of held answers and connections,
 *           jobs that are due again; and has others look after the cache.
 * Owner:    timers_start -> timers_stop
 */
#ifndef TIMERS_H
#define TIMERS_H

#include "admin/admin_http.h"
#include "cache/announce.h"
#include "cache/arrivals.h"
#include "cache/legacy.h"
#include "cache/retain.h"
#include "cache/scrub.h"
#include "cloud/vouch.h"
#include "http/http.h"
#include "jobs/jobs.h"
#include "jobs/workers.h"
#include "model/options.h"
#include "settings.h"

struct timers_parts {
	const struct options *options;
	struct settings *settings;
	struct jobs *jobs;
	struct workers *workers;
	struct announce *announce;
	struct retain *retain;
	struct scrub *scrub;
	struct legacy *legacy;
	struct http *http;
	struct admin_http *admin; /* NULL: it is off */
	struct vouch *vouch;	  /* NULL: no root is pinned */
	struct arrivals *arrivals;
};

struct timers;

/* parts stay the caller's until the workers were stopped: they may be at work for it. */
int timers_start(const struct timers_parts *parts, struct timers **ret, struct err *e);
void timers_stop(struct timers *k);

/* The files that an administrator edits were read anew: what follows from them. */
void timers_apply_settings(const struct timers_parts *parts);

#endif
