/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * BSDIFF without the zstd around its columns, which would hide them from mutation: the
 * input is cut into six of them, each with its length in a byte before it.
 */
#include <string.h>

#include "codec/codec_bsdiff.h"
#include "codec/codec_each.h"
#include "fuzz.h"
#include "base/mem.h"

enum { STREAM_MAX = 1 << 16, OUT_BYTES = 1000 };

/* The length of a column is one number of the head: here of two bytes. */
static size_t
pack_column(const uint8_t **data, size_t *size, bool last, uint8_t *out)
{
	size_t take = last || *size == 0 ? *size : **data;
	size_t len;

	if (!last && *size > 0) {
		(*data)++;
		(*size)--;
	}
	take = take < *size ? take : *size;
	len = take > 0 ? fuzz_store(*data, take, out) : 0;
	*data += take;
	*size -= take;
	return len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char base[] =
		"the quick brown fox jumps over the lazy dog, the quick brown fox";
	enum { HEAD = 2 * (COL_COUNT - 1) };
	AUTO_FREE uint8_t *stream = mem_new(STREAM_MAX, 1);
	AUTO_FREE uint8_t *out = mem_new(OUT_BYTES, 1);
	size_t at = HEAD;
	size_t out_len;

	if (size < 2 || size > STREAM_MAX / 4)
		return 0;
	out_len = (size_t)(data[0] | data[1] << 8) % OUT_BYTES;
	data += 2;
	size -= 2;
	for (int i = 0; i < COL_COUNT; i++) {
		size_t len = pack_column(&data, &size, i + 1 == COL_COUNT, stream + at);

		if (i + 1 < COL_COUNT) {
			stream[2 * i] = (uint8_t)(len | 0x80);
			stream[2 * i + 1] = (uint8_t)(len >> 7);
		}
		at += len;
	}
	(void)codec_bsdiff_decode(
		span_of(stream, at), span_of(base, sizeof(base)), out, out_len, NULL, NULL);
	return 0;
}
