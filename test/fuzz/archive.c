/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Archives: every stream that is walked lies inside the bytes; streams are decoded as well. */
#include "codec/archive.h"

#include "fuzz.h"
#include "base/mem.h"

enum { OUT_BYTES = 4096 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[OUT_BYTES];
	struct archive_reader reader;
	struct archive_entry entry;

	if (archive_open(&reader, span_of(data, size), NULL) != 0)
		return 0;
	while (archive_next(&reader, &entry, NULL) == ARCHIVE_ENTRY) {
		assert(entry.stream.at >= data &&
			entry.stream.at + entry.stream.len <= data + size);
		(void)codec_decode(entry.codec, entry.stream,
			span_of(data, size < 512 ? size : 512), out, sizeof(out), NULL);
	}
	return 0;
}
