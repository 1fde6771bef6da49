/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trusted.h - the documents that were trusted, kept from one time to the next.
 *
 * Does:     keeps them byte for byte under their role's name. A timestamp is kept once the
 *           snapshot that it lists held: else whoever can make one up that leads nowhere would keep
 *           us from the one before.
 * Shapes:   DIR/pinned         the root that somebody gave
 *           DIR/root.json      the newest that followed from it
 *           DIR/timestamp.json, snapshot.json, targets.json, t-T.json
 * Units:    _s seconds since 1970
 * Threads:  one at a time
 * Owner:    a directory is the caller's; trusted_clear
 * Errors:   ERR_MISSING nothing is pinned; ERR_INPUT it is no root; ERR_FULL, ERR_SYS
 * Source:   guts2-trust(7), WORKFLOW
 */
#ifndef TRUSTED_H
#define TRUSTED_H

#include "base/fs.h"
#include "trust/trust.h"

struct trusted {
	int dir;	      /* -1: nothing is kept, and nothing was */
	bool read_only;	      /* what comes is used, and not kept: somebody else keeps it */
	struct buf timestamp; /* that came, and is not kept yet */
};

/*
 * Begin with this root, from now on. The one that was given before is no news, and what followed
 * from it stays.
 */
int trusted_pin(const struct trusted *k, struct span root, struct err *e);

/* Whether it is the one that was given before. */
bool trusted_is_pinned(const struct trusted *k, struct span root);

/* What a workflow begins with. NULL: an error. */
struct trust *trusted_begin(const struct trusted *k, int64_t now_s, struct err *e);

/* What trust_next wants of what is kept. */
void trusted_look_up(const struct trusted *k, struct trust *t, const struct trust_want *want);

/* What trust_take took. */
int trusted_keep(
	struct trusted *k, const struct trust_want *want, struct span bytes, struct err *e);

/* After each step: whether the timestamp that came can be kept now. */
int trusted_settle(struct trusted *k, const struct trust *t, struct err *e);

/* Until nothing more is wanted, with nothing but what is kept: nobody is asked. */
void trusted_replay(const struct trusted *k, struct trust *t);

/*
 * The same with what the directory tuf/ of a repository has, of which is kept what is trusted. -1:
 * something cannot be read, or kept; trust_verdict says the rest.
 */
int trusted_follow(struct trusted *k, int tuf, struct trust *t, struct err *e);

void trusted_clear(struct trusted *k);

#endif
