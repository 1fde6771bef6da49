/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * samples.h - the samples of many files (likeness.h), and which file has which.
 *
 * Does:     takes the samples of a file once, when they are first asked for; those of a file that
 *           is not at hand, cannot be read or is too large to be worth it are none.
 * Owner:    samples_new -> samples_free; samples_index_new -> samples_index_free
 */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stdbool.h>

#include "base/stop.h"
#include "codec/likeness.h"
#include "codec/listing.h"
#include "model/blobs.h"

struct samples;

/* blobs: all files of both versions that are at hand. */
struct samples *samples_new(const struct blobs *blobs, const struct stop *stop);
void samples_free(struct samples *s);

bool samples_is_at_hand(const struct samples *s, const struct header_file *file);

/* Until samples_free. */
const struct likeness *samples_of(struct samples *s, const struct header_file *file);

/* Of all that listing_base numbers. */
struct samples_index;

struct samples_index *samples_index_new(struct samples *s, const struct listing *v);
void samples_index_free(struct samples_index *x);

/*
 * How many of these samples each base has, by number, of the first `bases`. What many files
 * have says nothing of any of them, and does not count.
 */
void samples_index_count(const struct samples_index *x, const uint32_t *samples, size_t count,
	uint32_t *ret, size_t bases);

#endif
