/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * publish_archives.h - the archives of a version that is about to be published.
 *
 * Does:     encodes the full archives, and the differences from older versions, each stream once
 *           however many of them have it. A difference from further back is put together from one
 *           to a version in between, which is there, and one from that, where that comes out nearly
 *           as small: what it costs to publish a version is then what is new in it, and not that
 *           many times over.
 * Shapes:   in stage/ until publish_staged_move of `staged`
 * Owner:    publish_archives_make -> publish_archives_free, whatever comes of it
 * Errors:   those of encode.h; ERR_FULL; ERR_SYS
 * Source:   guts2(7), ARCHIVES; guts2-publish(1)
 */
#ifndef PUBLISH_ARCHIVES_H
#define PUBLISH_ARCHIVES_H

#include "codec/encode.h"
#include "model/header.h"
#include "model/wire.h"
#include "publish/publish_staged.h"

struct publish_archives {
	struct repo *repo;
	const struct header *header;
	struct header *const *older; /* the newest first */
	size_t older_count;
	const struct ident *last; /* of its type, that is announced; NULL: none */
	int content; /* a directory with its files by their digests; the rest is in c/ */
	const struct encode_crew *crew;

	/* What comes of it; zeroed before. */
	struct publish_staged staged;
	struct offer *offers; /* of the full archives, and of the difference from each older one */
};

/* An offer of no archive is none: the difference was not worth it. */
int publish_archives_make(struct publish_archives *a, struct err *e);
void publish_archives_free(struct publish_archives *a);

#endif
