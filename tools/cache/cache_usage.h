/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache_usage.h - the bytes of a cache by type and kind: du.
 *
 * Does:     walks the files themselves, so that what no record explains is counted too.
 * Units:    bytes as files have them, not blocks
 * Errors:   as cli.h: the exit code, after a complaint
 */
#ifndef CACHE_USAGE_H
#define CACHE_USAGE_H

#include "cache/cache.h"

int cache_usage(const struct cache *c, bool json);

#endif
