/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server.h - the parts of one running server, and who may use them.
 *
 * Owner:    main.c makes and ends every part; the others only use them
 */
#ifndef SERVER_H
#define SERVER_H

#include "store/depot.h"
#include "jobs/jobs.h"
#include "model/options.h"
#include "model/hops.h"
#include "cache/view.h"
#include "jobs/workers.h"

struct announcer;
struct fetcher;
struct legacy;
struct builder_turns;
struct settings;
struct retain;
struct scrub;
struct usage;

struct server {
	struct options options;
	char id[HOPS_ID + 1]; /* of this run, in Via */
	struct settings *settings;
	struct legacy *legacy;
	struct usage *usage;
	struct announcer *announcer;
	struct depot *depot;
	struct view_holder *views;
	struct jobs *jobs;
	struct workers *workers;
	struct workers *builders; /* for what takes long; everything else goes first */
	struct builder_turns *builder_turns;
	struct retain *retain;
	struct scrub *scrub;
	struct fetcher *fetcher;
};

#endif
