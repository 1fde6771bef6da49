/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VCDIFF without the zstd around it, which would hide the delta from mutation. */
#include <string.h>

#include "codec/codec_each.h"
#include "fuzz.h"
#include "base/mem.h"

enum { STREAM_MAX = 1 << 16, OUT_BYTES = 1000 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char base[] =
		"the quick brown fox jumps over the lazy dog, the quick brown fox";
	AUTO_FREE uint8_t *stream = mem_new(STREAM_MAX, 1);
	AUTO_FREE uint8_t *out = mem_new(OUT_BYTES, 1);
	size_t len;

	if (size > STREAM_MAX / 2)
		return 0;
	len = fuzz_store(data, size, stream);
	(void)codec_vcdiff_decode(
		span_of(stream, len), span_of(base, sizeof(base)), out, OUT_BYTES, NULL, NULL);
	return 0;
}
