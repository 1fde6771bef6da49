/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache_verify.h - every digest of a cache, and what to do about the wrong ones.
 *
 * Does:     reads every byte. With repair, what is damaged goes to quarantine/ by whoever
 *           may change the cache (cache_hand.h); nothing else is touched.
 * Errors:   as cli.h: the exit code, after a complaint
 */
#ifndef CACHE_VERIFY_H
#define CACHE_VERIFY_H

#include "cache/cache.h"

/* type NULL: all. CLI_FAILED where anything is wrong, repaired or not. */
int cache_verify(struct cache *c, const char *type, bool repair, bool json);

#endif
