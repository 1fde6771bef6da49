/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pack.h - puts encoded streams together to full archives and differences.
 *
 * Does:     chooses what goes into an archive. A full archive has every blob. A difference has
 *           the blobs that the older version lacks, each as a delta from the older file of the
 *           same path or, where there is none, of the same name.
 * Owner:    pack_older_new -> pack_older_free
 * Source:   guts2(7), ARCHIVES
 */
#ifndef PACK_H
#define PACK_H

#include <stdbool.h>

#include "codec/encode.h"
#include "model/header.h"

/* A version that differences start from; it owns its header. */
struct pack_older;

struct pack_older *pack_older_new(struct header *take_header);
void pack_older_free(struct pack_older *o);
const struct edition *pack_older_edition(const struct pack_older *o);

/* Ask x for deltas from the older version's files, those that are at hand. */
void pack_want_deltas(struct encode *x, const struct pack_older *o, const struct blobs *at_hand);

/* Tell x to leave out what the older version has. */
void pack_skip_unchanged(struct encode *x, const struct pack_older *o);

/* Write an archive of what encode_all made: older NULL: the full one. */
int pack_archive(const struct encode *x, enum format format, const struct pack_older *older, int fd,
	struct archive_ref *ret, struct err *e);

/* Whether a difference is enough smaller than the full archive to be published. */
bool pack_is_worth_it(uint64_t difference_bytes, uint64_t full_bytes);

#endif
