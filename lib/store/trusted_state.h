/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trusted_state.h - what a directory of trusted.h says, for people.
 *
 * Does:     goes the way again that was gone when the timestamp came: what expired since is told,
 *           and is no reason to say nothing.
 * Units:    _s seconds since 1970
 * Owner:    trusted_state_clear
 * Errors:   ERR_MISSING nothing is pinned, or nothing was verified yet
 */
#ifndef TRUSTED_STATE_H
#define TRUSTED_STATE_H

#include "base/buf.h"
#include "model/ident.h"
#include "store/trusted.h"

/* Who vouches for the versions of a type. */
struct trusted_type {
	uint64_t version; /* of its role; 0: it was not asked for yet */
	int64_t expires_s;
	char *keys; /* the beginnings of the ids of those who may sign, with commas; NULL: none */
	uint64_t newest; /* the newest version that is listed; 0: none */
};

struct trusted_state {
	uint64_t root; /* versions */
	uint64_t timestamp;
	int64_t came_s; /* the timestamp */
	int64_t expires_s;
	struct trust *trust;
	struct trusted kept;
};

int trusted_state_open(int dir, struct trusted_state *ret, struct err *e);
void trusted_state_clear(struct trusted_state *s);

/* *ret: trusted_state_clear_type. */
void trusted_state_type(const struct trusted_state *s, const char *type, struct trusted_type *ret);
void trusted_state_clear_type(struct trusted_type *t);

/*
 * Whether a role lists a target, as it is kept: by the keys of today, and be it older than the one
 * that the snapshot lists.
 */
bool trusted_state_lists(const struct trusted_state *s, const char *path);

#endif
