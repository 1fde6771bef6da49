/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache_owner.h - the user that a cache belongs to: the owner of its directory.
 *
 * Does:     run by root, the tool becomes that user before anything is opened, so that nothing it
 *           makes is in the way of a server that is not root's.
 * Errors:   ERR_SYS
 * Source:   setresuid(2)
 */
#ifndef CACHE_OWNER_H
#define CACHE_OWNER_H

#include "base/err.h"

/* Nothing where this is not root, the cache is root's, or there is none. */
int cache_owner_become(const char *path, struct err *e);

/* After a failure: what somebody else has left in the cache, and what to do about it, is told. */
void cache_owner_complain(const char *path);

#endif
