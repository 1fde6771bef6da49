/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache_list.h - what is in a cache: ls, show, du.
 *
 * Does:     prints tables for people or one JSON document. The shapes of the
 *           documents are in guts2-cache(1).
 * Errors:   as cli.h: the exit code, after a complaint
 */
#ifndef CACHE_LIST_H
#define CACHE_LIST_H

#include "cache/cache.h"
#include "model/doc.h"

/* type NULL: all. */
int cache_list(const struct cache *c, const char *type, bool json);
int cache_show(const struct cache *c, const char *type, uint64_t version, bool json);
int cache_usage(const struct cache *c, bool json);

#endif
