/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache_show.h - one version: its files, and every entry of its archives.
 *
 * Does:     prints a table for people or one JSON document, whose shape is in
 *           guts2-cache(1). An archive that cannot be read is shown as far as it goes.
 * Errors:   as cli.h: the exit code, after a complaint
 */
#ifndef CACHE_SHOW_H
#define CACHE_SHOW_H

#include "cache/cache.h"

/* CLI_FAILED: the version is not in the cache. */
int cache_show(const struct cache *c, const char *type, uint64_t version, bool json);

#endif
