/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache_explain.h - what comes next, and why: why, plan.
 *
 * Errors:   as cli.h: the exit code, after a complaint
 */
#ifndef CACHE_EXPLAIN_H
#define CACHE_EXPLAIN_H

#include "cache/cache.h"

/* base NULL: a client that has nothing yet. */
int cache_why(const struct cache *c, const char *type, const struct edition *base, bool json);
int cache_plan(const struct cache *c, bool json);

#endif
