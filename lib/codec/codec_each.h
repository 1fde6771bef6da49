/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec_each.h - what each codec file offers to codec.c, and to nobody else.
 *
 * The encode and decode functions are those of codec.h for one encoding. For ZSTD and LZMA
 * a base is what the file's own beginning would be to its rest, and may be empty. A watch can be
 * NULL.
 */
#ifndef CODEC_EACH_H
#define CODEC_EACH_H

#include "codec/codec.h"

/* A decoder is asked to go on every so many bytes of output, or so. */
enum { CODEC_EACH_STEP = 1 << 20 };

/* The first len bytes are final: who watches is told. -1: it is to end. */
static inline int
codec_each_passed(const struct codec_watch *watch, size_t len, struct err *e)
{
	if (watch == NULL)
		return 0;
	if (watch->passed != NULL)
		watch->passed(watch->context, len);
	return stop_check(watch->stop, e);
}

enum codec_fit codec_bzip2_encode(
	const struct codec_input *from, uint8_t *out, size_t room, size_t *ret_len, struct err *e);
int codec_bzip2_decode(struct span stream, struct span base, uint8_t *out, size_t len,
	const struct codec_watch *watch, struct err *e);

enum codec_fit codec_zstd_encode(
	const struct codec_input *from, uint8_t *out, size_t room, size_t *ret_len, struct err *e);
int codec_zstd_decode(struct span stream, struct span base, uint8_t *out, size_t len,
	const struct codec_watch *watch, struct err *e);

enum codec_fit codec_vcdiff_encode(
	const struct codec_input *from, uint8_t *out, size_t room, size_t *ret_len, struct err *e);
int codec_vcdiff_decode(struct span stream, struct span base, uint8_t *out, size_t len,
	const struct codec_watch *watch, struct err *e);

enum codec_fit codec_bsdiff_encode(
	const struct codec_input *from, uint8_t *out, size_t room, size_t *ret_len, struct err *e);
int codec_bsdiff_decode(struct span stream, struct span base, uint8_t *out, size_t len,
	const struct codec_watch *watch, struct err *e);

enum codec_fit codec_lzma_encode(
	const struct codec_input *from, uint8_t *out, size_t room, size_t *ret_len, struct err *e);
int codec_lzma_decode(struct span stream, struct span base, uint8_t *out, size_t len,
	const struct codec_watch *watch, struct err *e);

/* zstd piece by piece, for a stream that another encoding produces or reads. */
struct codec_zstd_writer;
/* len: about how many bytes will come. */
struct codec_zstd_writer *codec_zstd_writer_new(size_t len, uint8_t *out, size_t room);
enum codec_fit codec_zstd_writer_add(struct codec_zstd_writer *p, struct span bytes, struct err *e);
enum codec_fit codec_zstd_writer_end(struct codec_zstd_writer *p, size_t *ret_len, struct err *e);
void codec_zstd_writer_free(struct codec_zstd_writer *p);

struct codec_zstd_reader;
struct codec_zstd_reader *codec_zstd_reader_new(struct span stream);
/* Up to room bytes; *ret_len 0 at the end of the stream. */
int codec_zstd_reader_read(
	struct codec_zstd_reader *u, uint8_t *out, size_t room, size_t *ret_len, struct err *e);
void codec_zstd_reader_free(struct codec_zstd_reader *u);

/* LZMA with another window, for a stream that another encoding has inside. */
enum codec_fit codec_lzma_compress(const struct codec_input *from, uint32_t window, uint8_t *out,
	size_t room, size_t *ret_len, struct err *e);

/* The same piece by piece. NULL: what the stream says of itself cannot be. */
struct codec_lzma_reader;
struct codec_lzma_reader *codec_lzma_reader_new(
	struct span stream, struct span base, size_t len, uint32_t window);
/* Up to room bytes of the len; *ret_len 0: there were no more, and the stream ended there. */
int codec_lzma_reader_read(
	struct codec_lzma_reader *u, uint8_t *out, size_t room, size_t *ret_len, struct err *e);
void codec_lzma_reader_free(struct codec_lzma_reader *u);

#endif
