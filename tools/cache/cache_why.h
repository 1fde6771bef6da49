/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache_why.h - what a client would be answered, and why.
 *
 * Does:     decides with the server's own rules (plan.h) over what is in the cache, and asks a
 *           running server what it knows of the upstream; what only the upstream knows is left open
 *           and said so.
 * Errors:   as cli.h: the exit code, after a complaint
 */
#ifndef CACHE_WHY_H
#define CACHE_WHY_H

#include "cache/cache.h"

/* base NULL: a client that has nothing yet. CLI_FAILED: the type is not announced. */
int cache_why(const struct cache *c, const char *type, const struct edition *base, bool json);

#endif
