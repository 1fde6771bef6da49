/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VCDIFF without the zstd around it, which would hide the delta from mutation. */
#include <string.h>

#include "codec/codec_each.h"
#include "fuzz.h"
#include "base/mem.h"

enum { STREAM_MAX = 1 << 16, OUT_BYTES = 1000 };

/*
 * A zstd frame that has the bytes as they are, at most 64 KiB (RFC 8878, sections 3.1.1.1 and
 * 3.1.1.2): a compressor would take most of the time. out has 16 bytes more. Returns its length.
 */
static size_t
store(const uint8_t *bytes, size_t len, uint8_t *out)
{
	/* A single segment; its size in four bytes; one block, the last, of raw bytes. */
	const uint32_t block = (uint32_t)len << 3 | 1;
	const uint8_t head[] = {0x28, 0xb5, 0x2f, 0xfd, 0xa0, (uint8_t)len, (uint8_t)(len >> 8),
		(uint8_t)(len >> 16), 0, (uint8_t)block, (uint8_t)(block >> 8),
		(uint8_t)(block >> 16)};

	memcpy(out, head, sizeof(head));
	if (len > 0)
		memcpy(out + sizeof(head), bytes, len);
	return sizeof(head) + len;
}

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
	len = store(data, size, stream);
	(void)codec_vcdiff_decode(
		span_of(stream, len), span_of(base, sizeof(base)), out, OUT_BYTES, NULL, NULL);
	return 0;
}
