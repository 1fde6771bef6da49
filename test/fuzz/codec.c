/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Streams: the first byte chooses the encoding, whether there is a base, and the size of the
 * output, which is never written past. The base has a fixed content.
 */
#include "codec/codec.h"

#include <string.h>

#include "fuzz.h"
#include "base/mem.h"

enum { BASES = 2, SIZE_STEP = 32 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char base[] =
		"the quick brown fox jumps over the lazy dog, the quick brown fox";
	size_t len;
	bool based;
	enum codec codec;
	uint8_t *out;

	if (size < 1)
		return 0;
	codec = (enum codec)(data[0] % CODEC_COUNT);
	based = data[0] / CODEC_COUNT % BASES == 1;
	len = (size_t)(data[0] / (CODEC_COUNT * BASES)) * SIZE_STEP;
	out = mem_new(len, 1); /* of the exact size, so that a sanitizer sees the byte behind it */
	(void)codec_decode(codec, span_of(data + 1, size - 1),
		based ? span_of(base, sizeof(base)) : span_of("", 0), out, len, NULL);
	free(out);
	return 0;
}
