/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache_plan.h - what retention would build and remove next, and why.
 *
 * Does:     asks the rules that the server follows (retention.h), with the settings that
 *           it left in the index when it last started, or else the defaults.
 * Errors:   as cli.h: the exit code, after a complaint
 */
#ifndef CACHE_PLAN_H
#define CACHE_PLAN_H

#include "cache/cache.h"

int cache_plan(const struct cache *c, bool json);

#endif
