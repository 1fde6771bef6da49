/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache_change.h - changes that somebody asked for: reindex, drop, forget.
 *
 * Does:     changes through the running server where one has the cache, else with the
 *           cache's lock; never both.
 * Errors:   as cli.h: the exit code, after a complaint
 */
#ifndef CACHE_CHANGE_H
#define CACHE_CHANGE_H

#include "cache/cache.h"

/* The index anew from the files. */
int cache_change_reindex(struct cache *c, bool json);

/*
 * version 0: all of the type. What is announced goes with the version that is dropped; forget: in
 * any case.
 */
int cache_change_drop(struct cache *c, const char *type, uint64_t version, bool forget, bool json);

#endif
