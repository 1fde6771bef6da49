/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/codec.h"

#include <string.h>

#include "codec/codec_each.h"

/* File, or base: past it BSDIFF alone is tried, see codec_suits. */
enum { SMALL_BYTES = 1 << 20, SMALL_BASE_BYTES = 1 << 26 };

/* A stream that is longer than any encoder makes one for nothing, or for what cannot be compressed.
 */
enum { STREAM_SPARE_BYTES = 4096, STREAM_FACTOR = 2 };

/* File and base together: the largest window of zstd, and encoders' tables grow with them. */
static const size_t DELTA_BYTES_MAX = 1UL << 31;

static const struct {
	char name[9];
	bool is_delta;
	enum codec_fit (*encode)(const struct codec_input *from, uint8_t *out, size_t room,
		size_t *ret_len, struct err *e);
	int (*decode)(struct span stream, struct span base, uint8_t *out, size_t len,
		const struct codec_watch *watch, struct err *e);
} codecs[CODEC_COUNT] = {
	[CODEC_BZIP2] = {"BZIP2", false, codec_bzip2_encode, codec_bzip2_decode},
	[CODEC_ZSTD] = {"ZSTD", false, codec_zstd_encode, codec_zstd_decode},
	[CODEC_ZPATCH] = {"ZPATCH", true, codec_zstd_encode, codec_zstd_decode},
	[CODEC_VCDIFF] = {"VCDIFF", true, codec_vcdiff_encode, codec_vcdiff_decode},
	[CODEC_BSDIFF] = {"BSDIFF", true, codec_bsdiff_encode, codec_bsdiff_decode},
};

const char *
codec_name(enum codec codec)
{
	return codecs[codec].name;
}

/* All 8 bytes count: a name with something behind it is another one, which we do not know. */
enum codec
codec_find(const uint8_t name[8])
{
	char padded[8];

	for (int i = 0; i < CODEC_COUNT; i++) {
		memset(padded, 0, sizeof(padded));
		memcpy(padded, codecs[i].name, strlen(codecs[i].name));
		if (memcmp(padded, name, sizeof(padded)) == 0)
			return (enum codec)i;
	}
	return CODEC_COUNT;
}

bool
codec_is_delta(enum codec codec)
{
	return codecs[codec].is_delta;
}

/*
 * Sizes decide and not a clock, so that the same files give the same archive
 * everywhere. Of large files BSDIFF was the smallest on all real input tried, programs
 * and texts, in a tenth to a half of the time that the others take. Of a large base the others
 * make their tables in one go, which nothing could end.
 */
bool
codec_suits(enum codec codec, size_t len, size_t base_len)
{
	if (!codecs[codec].is_delta)
		return true;
	if (len == 0 || base_len == 0 || len > DELTA_BYTES_MAX || base_len > DELTA_BYTES_MAX - len)
		return false;
	return codec == CODEC_BSDIFF || (len <= SMALL_BYTES && base_len <= SMALL_BASE_BYTES);
}

size_t
codec_bound(size_t len)
{
	/* bzip2 states 1 % and 600 bytes, zstd less. */
	return len + len / 100 + 1024;
}

uint64_t
codec_stream_max(uint64_t len)
{
	return len * STREAM_FACTOR + STREAM_SPARE_BYTES;
}

/* Errors get the name of the encoding in front here, so that no codec has to know its own. */
enum codec_fit
codec_encode(enum codec codec, const struct codec_input *from, uint8_t *out, size_t room,
	size_t *ret_len, struct err *e)
{
	enum codec_fit fit = codecs[codec].encode(from, out, room, ret_len, e);

	if (fit == CODEC_ERROR)
		(void)err_wrap(e, "%s", codecs[codec].name);
	return fit;
}

int
codec_decode_watched(enum codec codec, struct span stream, struct span base, uint8_t *out,
	size_t len, const struct codec_watch *watch, struct err *e)
{
	int result;

	/* What a decoder does grows with either: the length of the stream must not be anybody's
	 * choice. */
	if (stream.len > codec_stream_max(len))
		result = err_set(
			e, ERR_INPUT, "%zu bytes of stream for a file of %zu", stream.len, len);
	else
		result = codecs[codec].decode(stream, base, out, len, watch, e);
	return result == 0 ? 0 : err_wrap(e, "%s", codecs[codec].name);
}

int
codec_decode(enum codec codec, struct span stream, struct span base, uint8_t *out, size_t len,
	struct err *e)
{
	return codec_decode_watched(codec, stream, base, out, len, NULL, e);
}
