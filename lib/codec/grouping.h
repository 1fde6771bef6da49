/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * grouping.h - which files of an archive go together, and from what they are made.
 *
 * Does:     cuts the missing files of a listing into entries, large ones alone, small ones in
 *           groups; and finds the bases of each: old files of the same path, else of the same name,
 *           and then whatever has content that these have not, old or given before.
 * Owner:    grouping_new -> grouping_free
 * Errors:   none: what cannot be read is no base
 * Source:   guts2(7), ARCHIVES
 */
#ifndef GROUPING_H
#define GROUPING_H

#include "codec/listing.h"
#include "codec/samples.h"

struct grouping_entry {
	size_t first; /* of the missing files, that many behind it */
	size_t count;
	size_t *bases; /* numbers of listing_base, in ascending order */
	size_t base_count;
};

struct grouping {
	struct grouping_entry *entries;
	size_t count;
	size_t capacity;
	bool joined; /* a group has a file that would be alone otherwise */
};

/*
 * old: that of the listing; NULL: of a full archive. join: large files that hardly changed go into
 * groups, too; which of the two comes out smaller only shows when both are encoded.
 */
struct grouping *grouping_new(
	struct samples *s, const struct listing *v, const struct header *old, bool join);
void grouping_free(struct grouping *p);

#endif
