/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Streams: the first byte chooses the encoding and the size of the output, which
 * is never written past. Each without a base, and with one of a fixed content.
 */
#include "codec/codec.h"

#include <string.h>

#include "fuzz.h"
#include "base/mem.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char base[] =
		"the quick brown fox jumps over the lazy dog, the quick brown fox";
	size_t len;
	enum codec codec;

	if (size < 1)
		return 0;
	codec = (enum codec)(data[0] % CODEC_COUNT);
	len = (size_t)(data[0] / CODEC_COUNT) * 64;
	for (int with_base = 0; with_base <= 1; with_base++) {
		/* Of the exact size, so that a sanitizer sees the byte behind it. */
		uint8_t *out = mem_new(len, 1);

		(void)codec_decode(codec, span_of(data + 1, size - 1),
			span_of(base, with_base ? sizeof(base) : 0), out, len, NULL);
		free(out);
	}
	return 0;
}
