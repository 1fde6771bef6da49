/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cached.h - a server's cache as guts2-cache opens it, for tests.
 *
 * Shapes:   type "t": headers of versions 1, 2 and 3; of 1 the content and both full archives; of
 *           2 the difference from 1, in the newer format; 2 is announced
 * Owner:    cached_set_up -> cached_tear_down
 */
#ifndef CACHED_H
#define CACHED_H

#include "cache/cache.h"
#include "store/versions.h"

enum { CACHED_RECORDS = 7 };

struct cached {
	struct versions v; /* whose depot is closed */
	struct cache c;
	struct record full[FORMAT_COUNT]; /* of version 1 */
	struct record difference;
};

/* What the tool says is kept: unit_listen. */
void cached_set_up(struct cached *f);
void cached_tear_down(struct cached *f);

/* Look at it once more, after a change, and listen. */
void cached_open_again(struct cached *f);

/* The depot, to change something by it; closed by cached_open_again. */
struct depot *cached_depot(struct cached *f);

/* config/channels.json says this. */
void cached_put_channels(struct cached *f, const char *text);

/* The document that was printed since the last call. */
json_t *cached_output(void);

#endif
