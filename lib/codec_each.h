/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec_each.h - what each codec file offers to codec.c, and to nobody else.
 *
 * The encode and decode functions are those of codec.h for one encoding. An
 * empty base makes codec_zstd_* work on whole files (ZSTD), another one is the
 * prefix (ZPATCH). A watch can be NULL; those that work in one call pass it over.
 */
#ifndef CODEC_EACH_H
#define CODEC_EACH_H

#include "codec.h"

enum codec_fit codec_bzip2_encode(
	const struct codec_source *from, uint8_t *out, size_t room, size_t *ret_len, struct err *e);
int codec_bzip2_decode(struct span stream, struct span base, uint8_t *out, size_t len,
	const struct codec_watch *watch, struct err *e);

enum codec_fit codec_zstd_encode(
	const struct codec_source *from, uint8_t *out, size_t room, size_t *ret_len, struct err *e);
int codec_zstd_decode(struct span stream, struct span base, uint8_t *out, size_t len,
	const struct codec_watch *watch, struct err *e);

enum codec_fit codec_vcdiff_encode(
	const struct codec_source *from, uint8_t *out, size_t room, size_t *ret_len, struct err *e);
int codec_vcdiff_decode(struct span stream, struct span base, uint8_t *out, size_t len,
	const struct codec_watch *watch, struct err *e);

enum codec_fit codec_bsdiff_encode(
	const struct codec_source *from, uint8_t *out, size_t room, size_t *ret_len, struct err *e);
int codec_bsdiff_decode(struct span stream, struct span base, uint8_t *out, size_t len,
	const struct codec_watch *watch, struct err *e);

/* One frame that zstd_unpacker_read takes. */
enum codec_fit zstd_pack(
	struct span bytes, uint8_t *out, size_t room, size_t *ret_len, struct err *e);

/* zstd piece by piece, for a stream that another encoding produces or reads. */
struct zstd_packer;
/* len: about how many bytes will come. */
struct zstd_packer *zstd_packer_new(size_t len, uint8_t *out, size_t room);
enum codec_fit zstd_packer_add(struct zstd_packer *p, struct span bytes, struct err *e);
enum codec_fit zstd_packer_end(struct zstd_packer *p, size_t *ret_len, struct err *e);
void zstd_packer_free(struct zstd_packer *p);

struct zstd_unpacker;
struct zstd_unpacker *zstd_unpacker_new(struct span stream);
/* Up to room bytes; *ret_len 0 at the end of the stream. */
int zstd_unpacker_read(
	struct zstd_unpacker *u, uint8_t *out, size_t room, size_t *ret_len, struct err *e);
void zstd_unpacker_free(struct zstd_unpacker *u);

#endif
