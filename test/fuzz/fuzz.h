/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fuzz.h - a target: one function over hostile bytes. libFuzzer calls it, and so
 * does the replay of corpus/ and regress/ in `make check`.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * A zstd frame that has the bytes as they are, at most 64 KiB (RFC 8878, sections 3.1.1.1 and
 * 3.1.1.2): a compressor would take most of the time. out has 16 bytes more. Returns its length.
 */
static inline size_t
fuzz_store(const uint8_t *bytes, size_t len, uint8_t *out)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
