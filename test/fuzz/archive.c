/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Archives: every stream that is walked lies inside the bytes; numbers of bases ascend, and an
 * entry of GUTS2AR2 is written in one way alone. Streams are decoded as well.
 */
#include "codec/archive.h"

#include "fuzz.h"
#include "base/mem.h"

enum { OUT_BYTES = 4096, BASE_BYTES = 512 };

static void
check_bases(const struct archive_entry *entry)
{
	struct span left = entry->bases;
	struct archive_run run = {0};
	uint64_t end = 0;

	while (archive_next_run(&left, &run)) {
		assert(run.count > 0 && (end == 0 || run.first > end));
		end = run.first + run.count;
		assert(end > run.first);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[OUT_BYTES];
	struct archive_reader reader;
	struct archive_entry entry;

	if (archive_open(&reader, span_of(data, size), NULL) != 0)
		return 0;
	for (size_t before = reader.at; archive_next(&reader, &entry, NULL) == ARCHIVE_ENTRY;
		before = reader.at) {
		bool based = entry.bases.len > 0;

		assert(entry.stream.at >= data &&
			entry.stream.at + entry.stream.len <= data + size);
		if (reader.format == FORMAT_AR2)
			assert(entry.count > 0 &&
				archive_entry_bytes(&entry) == reader.at - before);
		check_bases(&entry);
		(void)codec_decode(entry.codec, entry.stream,
			span_of(data, !based		  ? 0
				      : size < BASE_BYTES ? size
							  : BASE_BYTES),
			out, sizeof(out), NULL);
	}
	return 0;
}
