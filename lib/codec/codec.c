/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/codec.h"

#include <string.h>

#include "codec/codec_each.h"

/* A stream that is longer than any encoder makes one for nothing, or for what cannot be compressed.
 */
enum { STREAM_SPARE_BYTES = 4096, STREAM_FACTOR = 2 };

/* File and base together: the largest window of zstd, and encoders' tables grow with them. */
static const uint64_t DELTA_BYTES_MAX = 1UL << 31;

enum base { BASE_NEVER, BASE_MAYBE, BASE_ALWAYS };

static const struct {
	char name[9];
	enum base base;
	enum codec_fit (*encode)(const struct codec_input *from, uint8_t *out, size_t room,
		size_t *ret_len, struct err *e);
	int (*decode)(struct span stream, struct span base, uint8_t *out, size_t len,
		const struct codec_watch *watch, struct err *e);
} codecs[CODEC_COUNT] = {
	[CODEC_BZIP2] = {"BZIP2", BASE_NEVER, codec_bzip2_encode, codec_bzip2_decode},
	[CODEC_ZSTD] = {"ZSTD", BASE_MAYBE, codec_zstd_encode, codec_zstd_decode},
	[CODEC_LZMA] = {"LZMA", BASE_MAYBE, codec_lzma_encode, codec_lzma_decode},
	[CODEC_VCDIFF] = {"VCDIFF", BASE_ALWAYS, codec_vcdiff_encode, codec_vcdiff_decode},
	[CODEC_BSDIFF] = {"BSDIFF", BASE_ALWAYS, codec_bsdiff_encode, codec_bsdiff_decode},
};

const char *
codec_name(enum codec codec)
{
	return codecs[codec].name;
}

bool
codec_suits(enum codec codec, uint64_t len, uint64_t base_len)
{
	if (base_len == 0)
		return codecs[codec].base != BASE_ALWAYS;
	if (codecs[codec].base == BASE_NEVER || len == 0 || len > DELTA_BYTES_MAX ||
		base_len > DELTA_BYTES_MAX - len)
		return false;
	return codec != CODEC_LZMA || len + base_len <= CODEC_LZMA_WINDOW_BYTES;
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
		result = err_set(e, ERR_INPUT, "%zu bytes of stream for %zu", stream.len, len);
	else if (!codec_suits(codec, len, base.len))
		result = err_set(e, ERR_INPUT, "not with a base of %zu bytes", base.len);
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
