/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Archives: every stream that is walked lies inside the bytes, and an entry of GUTS2AR2 that is
 * written again is what it was. Streams are decoded as well.
 */
#include "codec/archive.h"

#include "fuzz.h"
#include "base/mem.h"

enum { OUT_BYTES = 4096, BASE_BYTES = 512 };

enum { TOTAL = 400 };

static void
check_bases(const struct archive_entry *entry)
{
	struct span left = entry->bases;
	struct archive_run run = {0};

	/* Which are there is listing.c's to say, and that it is not gone on with the others. */
	while (archive_next_run(&left, TOTAL, &run) && run.first + run.count <= TOTAL)
		assert(run.count > 0 && run.first < TOTAL);
}

/* Written again it is what it was. */
static void
check_contents(const struct archive_entry *entry)
{
	AUTO_BUF struct buf again = {0};
	struct span left = entry->contents;
	struct archive_contents some;

	while (archive_next_contents(&left, &some))
		archive_put_contents(&some, &again);
	assert(again.len == entry->contents.len &&
		(again.len == 0 || memcmp(again.at, entry->contents.at, again.len) == 0));
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
			assert((entry.count > 0) == (entry.contents.len == 0) &&
				archive_entry_bytes(&entry) == reader.at - before);
		check_bases(&entry);
		check_contents(&entry);
		(void)codec_decode(entry.codec, entry.stream,
			span_of(data, !based		  ? 0
				      : size < BASE_BYTES ? size
							  : BASE_BYTES),
			out, sizeof(out), NULL);
	}
	return 0;
}
