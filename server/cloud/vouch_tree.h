/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vouch_tree.h - what was verified, below tuf/ of the cache, for clients and servers below.
 *
 * Does:     puts what is kept there under its name, the timestamp last; what neither the snapshot
 *           in force nor the one before lists goes.
 * Shapes:   guts2-trust(7), LAYOUT
 * Threads:  vouch.h's own
 */
#ifndef VOUCH_TREE_H
#define VOUCH_TREE_H

#include "cache/vouched.h"
#include "store/repo.h"
#include "store/trusted.h"

/*
 * before: what was shown until now; NULL: nothing, or what lies there is looked at. NULL: it could
 * not be stored.
 */
struct vouched *vouch_tree_put(struct repo *repo, const struct trusted *kept, const struct trust *t,
	const struct vouched *before, struct err *e);

/* A root that came before those that are there: who begins with it finds the way. */
int vouch_tree_put_root(struct repo *repo, uint64_t version, struct span bytes, struct err *e);

/* One that is there, appended. */
int vouch_tree_root(struct repo *repo, uint64_t version, struct buf *ret, struct err *e);

#endif
