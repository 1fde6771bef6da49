/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec.h - the encodings of an archive entry.
 *
 * Does:     turns a file (and, for deltas, the file it comes from) into a
 *           stream and back, memory to memory. Large inputs and outputs are
 *           meant to be mapped files: what a codec allocates itself does not
 *           grow with them when decoding. Decoding is bounded by the size that is stated:
 *           a stream that is longer than a file of it can need is refused before any work, and so
 * is one that goes on without making anything. Threads:  any; no state is shared Errors: ERR_INPUT
 * a stream that is not valid or not of the stated size; ERR_STOPPED within a second of the wish,
 * but for what encoding does in one go: preparing to look for matches in a base of gigabytes, and
 * sorting one where nobody is waiting Source:   guts2(7), ARCHIVES; RFC 3284; guts2(7) for BSDIFF
 */
#ifndef CODEC_H
#define CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/stop.h"

enum codec { CODEC_BZIP2, CODEC_ZSTD, CODEC_ZPATCH, CODEC_VCDIFF, CODEC_BSDIFF, CODEC_COUNT };

enum codec_fit {
	CODEC_ERROR = -1,
	CODEC_FITS = 0,
	CODEC_TOO_LARGE = 1, /* the stream would be longer than the room */
};

/* The name on the wire, without padding. */
const char *codec_name(enum codec codec);

/* CODEC_COUNT where no encoding has this 8-byte NUL-padded name. */
enum codec codec_find(const uint8_t name[8]);

/* Whether it describes a file as a change of another one. */
bool codec_is_delta(enum codec codec);

/* Whether it is to be tried for files of these sizes: the encoder takes them, and may win. */
bool codec_suits(enum codec codec, size_t len, size_t base_len);

/* The room that a stream for len bytes needs at the most, for encodings of whole files. */
size_t codec_bound(size_t len);

/* The longest stream that is taken for a file of len bytes, of any encoding. */
uint64_t codec_stream_max(uint64_t len);

/* What is encoded, and how thoroughly. */
struct codec_input {
	struct span file;
	struct span base; /* deltas */
	bool quick;	  /* somebody is waiting: take the first good stream, not the smallest */
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
	void *context;
	const struct stop *stop; /* NULL: to the end */
};
int codec_decode_watched(enum codec codec, struct span stream, struct span base, uint8_t *out,
	size_t len, const struct codec_watch *watch, struct err *e);

#endif
