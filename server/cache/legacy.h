/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * legacy.h - the types that clients without differences load as one archive.
 *
 * Does:     remembers when such a client last asked for a type of the legacy
 *           list (channels.h); as long as that is not too long ago the full archive of each new
 *           version is obtained before anybody asks.
 * Units:    _ms milliseconds
 * Threads:  any
 * Owner:    legacy_new -> legacy_free
 * Source:   channels.json(5)
 */
#ifndef LEGACY_H
#define LEGACY_H

#include "cache/stock.h"
#include "jobs/jobs.h"
#include "model/options.h"
#include "settings.h"

struct legacy;

struct legacy_parts {
	const struct options *options;
	struct settings *settings;
	struct stock *stock;
	struct jobs *jobs;
};
struct legacy *legacy_new(const struct legacy_parts *parts);
void legacy_free(struct legacy *l);

/* A client asks for this type, which is on the list. */
void legacy_note(struct legacy *l, const char *type);

/* Have obtained what is missing. Now and then; it waits for nothing. */
void legacy_tick(struct legacy *l, uint64_t now_ms);

/* Write down when clients were seen; it waits for the disk. */
void legacy_save(struct legacy *l);

#endif
