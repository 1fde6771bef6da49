/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * encode.h - the streams that archives are put together from.
 *
 * Does:     encodes each piece once, however many archives have it, in each encoding that may
 *           be the smallest. What is encoded has the digest that its name says, which is looked at
 *           once; every stream was decoded and compared with the original before it is offered.
 * Threads:  encode_all lets the caller's crew run its tasks; the rest is one thread's
 * Owner:    encode_new -> encode_free; headers, and a donor's bytes, stay until then
 * Errors:   ERR_DIGEST naming a file whose bytes are not what its name says; ERR_STOPPED
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
	struct blobs blobs; /* every file of a piece, and every base */
	int stage;	    /* an empty directory for what is made; the caller removes it */
	bool quick;	    /* see codec.h */
	const struct encode_crew *crew; /* NULL: this thread alone */
	const struct stop *stop;	/* NULL: to the end */
};

/* What one entry of an archive has: files, one behind the other, and their bases, likewise. */
struct encode_piece {
	enum format format;
	const struct header_file *const *files;
	size_t count;
	const struct header_file *const *bases;
	size_t base_count; /* 0: none */
};

struct encode;

struct encode *encode_new(const struct encode_settings *settings);
void encode_free(struct encode *x);

/* Ask for a piece, which is copied. Returns its number: that of the same piece if there is one. */
size_t encode_want(struct encode *x, const struct encode_piece *piece);

/*
 * The same without bases, but it is made only if it is wanted anyway, or where that with bases,
 * which was asked for before, comes out large.
 */
size_t encode_want_instead(struct encode *x, const struct encode_piece *piece, size_t other);

/*
 * A stream of a piece that another archive (mapped by the caller, who looked at its digest) has
 * already; that of a piece which nobody wants is of no use, and of two in one encoding the smaller
 * counts. trusted: this program made it; otherwise it is decoded and checked first.
 */
void encode_donate(struct encode *x, const struct encode_piece *piece, enum codec codec,
	struct span stream, bool trusted);

/* Make all that was asked for. */
int encode_all(struct encode *x, struct err *e);

/*
 * The smallest stream of a piece, until encode_free. Of no bytes: there is none. A piece without
 * bases that was wanted always has one.
 */
struct span encode_stream(const struct encode *x, size_t piece, enum codec *ret_codec);

#endif
