/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * encode.h - the streams that archives are put together from.
 *
 * Does:     encodes each distinct blob once, and each pair of old and new
 *           blob once, however many differences need it. What is encoded has the
 *           digest that its name says, which is looked at once; every stream was decoded and
 * compared with the original before it is offered. Threads:  encode_all lets the caller's crew run
 * its tasks; the rest is one thread's Owner:    encode_new -> encode_free; a donor's bytes stay
 * mapped until then Errors:   ERR_DIGEST naming a file whose bytes are not what its name says;
 * ERR_STOPPED
 */
#ifndef ENCODE_H
#define ENCODE_H

#include <stdint.h>

#include "base/map.h"
#include "codec/archive.h"
#include "model/blobs.h"
#include "model/header.h"

/* Who does the work. */
struct encode_crew {
	/* Run each task once, on any number of threads; the first error is returned. */
	int (*each)(void *context, size_t count,
		int (*run)(void *run_context, size_t index, struct err *e), void *run_context,
		struct err *e);
	/* Before: what the tasks are, and their bytes; while they run: so many more are done.
	 * NULL: nobody wants to know. */
	void (*begin)(void *context, const char *what, uint64_t bytes);
	void (*add)(void *context, uint64_t bytes);
	void *context;
};

struct encode_settings {
	struct blobs blobs; /* every blob of the header, and those that deltas start from */
	int stage;	    /* an empty directory for what is made; the caller removes it */
	bool quick; /* see codec.h; then a format's archive takes one encoding of whole files */
	unsigned formats;		/* a bit for each format that is wanted */
	const struct encode_crew *crew; /* NULL: this thread alone */
	const struct stop *stop;	/* NULL: to the end */
};

struct encode;

/* Streams for the blobs of h, which stays the caller's. */
struct encode *encode_new(const struct header *h, const struct encode_settings *settings);
void encode_free(struct encode *x);

/* No stream is needed for this blob. */
void encode_skip(struct encode *x, size_t blob);

/*
 * Take whole-file streams that another archive (mapped by the caller, who looked at its digest) has
 * already. trusted: this program made it; otherwise each stream is decoded and checked first. What
 * is no archive has none to give.
 */
void encode_donor(struct encode *x, struct span archive, bool trusted);

/* Ask for a delta from a blob of an older version. */
void encode_want_delta(struct encode *x, size_t blob, const struct header_file *base);

/* Make all that was asked for. */
int encode_all(struct encode *x, struct err *e);

/* The blobs, in header_blobs order. */
const struct header_file *const *encode_blobs(const struct encode *x, size_t *ret_count);

/*
 * The entry of a blob in a format: the smallest stream there is, base NULL:
 * as a whole file. Its bytes are there until encode_free.
 */
struct archive_entry encode_entry(
	const struct encode *x, size_t blob, enum format format, const struct header_file *base);

#endif
