/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * finder.h - finds in one file (the base) what another file has at some point.
 *
 * Does:     finds the longest match by a suffix array of the base, or of those of its pages
 *           that matter; or a long match by the hashes of the base's blocks.
 * Units:    bytes; a base has 1 to 2^31 - 1. Sorting takes a second for each 15 MB and
 *           four times their size, blocks next to nothing
 * Threads:  any; finding changes nothing
 * Owner:    finder_new_* -> finder_free; the base's bytes stay the caller's
 */
#ifndef FINDER_H
#define FINDER_H

#include <stdbool.h>

#include "base/buf.h"

struct finder;

enum { FINDER_PAGE = 1024 };

/* Longest matches; pages: one bool for each page that is looked at, NULL: all. NULL: no memory. */
struct finder *finder_new_sorted(struct span base, const bool *pages);

/* Matches of 159 bytes or more, and most of those of 128 or more. */
struct finder *finder_new_blocks(struct span base);

void finder_free(struct finder *f);

struct finder_match {
	size_t at;   /* the caller's */
	size_t old;  /* in the base */
	size_t len;  /* 0: there is none */
	size_t rank; /* in the order of suffixes; the finder's */
};

/* What the text begins with. */
void finder_find(const struct finder *f, struct span text, struct finder_match *ret);

/* Of matches that are as long, the one nearest to where it is expected. */
void finder_nearest(
	const struct finder *f, struct span text, size_t expected, struct finder_match *m);

/* How many bytes two runs have in common. */
size_t finder_common(const uint8_t *a, const uint8_t *b, size_t max);

#endif
