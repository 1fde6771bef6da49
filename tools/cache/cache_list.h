/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache_list.h - the versions in a cache, and what is kept of each: ls.
 *
 * Does:     prints a table for people or one JSON document, whose shape is in
 *           guts2-cache(1).
 * Errors:   as cli.h: the exit code, after a complaint
 */
#ifndef CACHE_LIST_H
#define CACHE_LIST_H

#include "cache/cache.h"

/* type NULL: all. CLI_FAILED: nothing of that type is there. */
int cache_list(const struct cache *c, const char *type, bool json);

#endif
