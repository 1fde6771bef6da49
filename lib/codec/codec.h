/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec.h - the encodings of an archive entry.
 *
 * Does:     turns bytes, and the base that they come from, into a stream and back, memory to
 *           memory. Large inputs and outputs are meant to be mapped files: what a codec allocates
 *           itself does not grow with them when decoding. Decoding is bounded by the size that is
 *           stated: a stream that is longer than that can need is refused before any work, and so
 *           is one that goes on without making anything.
 * Threads:  any; no state is shared
 * Errors:   ERR_INPUT a stream that is not valid or not of the stated size; ERR_STOPPED within a
 *           second of the wish, but for what encoding does in one go: preparing to look for
 *           matches in a base, and sorting one where nobody is waiting
 * Source:   guts2(7), ARCHIVES; RFC 3284
 */
#ifndef CODEC_H
#define CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/stop.h"

enum codec { CODEC_BZIP2, CODEC_ZSTD, CODEC_LZMA, CODEC_VCDIFF, CODEC_BSDIFF, CODEC_COUNT };

/* What LZMA reaches back; a file and its base have no more bytes together. */
enum { CODEC_LZMA_WINDOW_BYTES = 3 << 23 };

enum codec_fit {
	CODEC_ERROR = -1,
	CODEC_FITS = 0,
	CODEC_TOO_LARGE = 1, /* the stream would be longer than the room */
};

/* For people. */
const char *codec_name(enum codec codec);

/* Whether there is such a stream for len bytes and a base of that size; 0: there is no base. */
bool codec_suits(enum codec codec, uint64_t len, uint64_t base_len);

/* The room that a stream for len bytes needs at the most, for encodings of whole files. */
size_t codec_bound(size_t len);

/* The longest stream that is taken for a file of len bytes, of any encoding. */
uint64_t codec_stream_max(uint64_t len);

/* What is encoded, and how thoroughly. */
struct codec_input {
	struct span file;
	struct span base; /* of no bytes: there is none */
	bool quick;	  /* somebody is waiting: take the first good stream, not the smallest */
	bool binary;	  /* the file is a program or the like, and no text */
	bool alike;	  /* the file is nearly the base: it need not be searched as thoroughly */
	const struct stop *stop; /* NULL: to the end */
};

/* Encode into room bytes at out; *ret_len is the stream's length where it fits. */
enum codec_fit codec_encode(enum codec codec, const struct codec_input *from, uint8_t *out,
	size_t room, size_t *ret_len, struct err *e);

/* Decode a stream to exactly len bytes at out: fewer or more are an error. */
int codec_decode(enum codec codec, struct span stream, struct span base, uint8_t *out, size_t len,
	struct err *e);

/*
 * The same for mapped files: every megabyte or so the decoder may call passed, when the first
 * len bytes of out are final. Pages of out and base can be let go then, so that the whole
 * of large files is never in memory.
 */
struct codec_watch {
	void (*passed)(void *context, size_t len); /* NULL: nobody wants to know */
	void (*base_read)(void *context); /* the base is not looked at any more; NULL: likewise */
	void *context;
	const struct stop *stop; /* NULL: to the end */
};
int codec_decode_watched(enum codec codec, struct span stream, struct span base, uint8_t *out,
	size_t len, const struct codec_watch *watch, struct err *e);

#endif
