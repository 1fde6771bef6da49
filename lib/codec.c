/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec.h"

#include <string.h>

#include "codec_each.h"

enum { SMALL_BYTES = 1 << 20 };

static const struct {
	char name[9];
	bool is_delta;
	size_t max_len; /* of file and base together, for the encoder */
	enum codec_fit (*encode)(const struct codec_source *from, uint8_t *out, size_t room,
		size_t *ret_len, struct err *e);
	int (*decode)(struct span stream, struct span base, uint8_t *out, size_t len,
		const struct codec_watch *watch, struct err *e);
} codecs[CODEC_COUNT] = {
	[CODEC_BZIP2] = {"BZIP2", false, SIZE_MAX, codec_bzip2_encode, codec_bzip2_decode},
	[CODEC_ZSTD] = {"ZSTD", false, SIZE_MAX, codec_zstd_encode, codec_zstd_decode},
	/* 2 GiB is the largest window of zstd. */
	[CODEC_ZPATCH] = {"ZPATCH", true, 1UL << 31, codec_zstd_encode, codec_zstd_decode},
	/* The encoder's hash table grows with the base. */
	[CODEC_VCDIFF] = {"VCDIFF", true, 1UL << 31, codec_vcdiff_encode, codec_vcdiff_decode},
	[CODEC_BSDIFF] = {"BSDIFF", true, 1UL << 31, codec_bsdiff_encode, codec_bsdiff_decode},
};

const char *
codec_name(enum codec codec)
{
	return codecs[codec].name;
}

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

static bool
takes(enum codec codec, size_t len, size_t base_len)
{
	return len > 0 && base_len > 0 && len <= codecs[codec].max_len &&
	       base_len <= codecs[codec].max_len - len;
}

/*
 * Sizes decide and not a clock, so that the same files give the same archive
 * everywhere. Of large files BSDIFF was the smallest on all real input tried, programs
 * and texts, in a tenth to a half of the time that the others take.
 */
bool
codec_suits(enum codec codec, size_t len, size_t base_len)
{
	if (!codecs[codec].is_delta)
		return true;
	if (!takes(codec, len, base_len))
		return false;
	return codec == CODEC_BSDIFF || len <= SMALL_BYTES || !takes(CODEC_BSDIFF, len, base_len);
}

size_t
codec_bound(size_t len)
{
	/* bzip2 states 1 % and 600 bytes, zstd less. */
	return len + len / 100 + 1024;
}

enum codec_fit
codec_encode(enum codec codec, const struct codec_source *from, uint8_t *out, size_t room,
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
	if (codecs[codec].decode(stream, base, out, len, watch, e) != 0)
		return err_wrap(e, "%s", codecs[codec].name);
	return 0;
}

int
codec_decode(enum codec codec, struct span stream, struct span base, uint8_t *out, size_t len,
	struct err *e)
{
	return codec_decode_watched(codec, stream, base, out, len, NULL, e);
}
