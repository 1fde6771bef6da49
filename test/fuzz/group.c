/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Entries of GUTS2AR2 between two versions that are always the same: the first byte says whether
 * they are those of a full archive.
 */
#include "codec/listing.h"
#include "landed.h"

enum { FIRST_NEW = KNOWN_OLD - 1 };

/* A version of some of what is known, under names in that order. */
static struct header *
version(size_t first, size_t end, char name)
{
	AUTO_BUF struct buf text = {0};
	char hex[DIGEST_HEX + 1];
	struct header *h;

	buf_printf(&text, "{\"cookie\":\"00000001\",\"title\":\"t\",\"type\":\"t\",\"version\":1,"
			  "\"files\":[");
	for (size_t i = first; i < end; i++)
		buf_printf(&text, "%s{\"filename\":\"%c\",\"sha256\":\"%s\",\"size\":%zu}",
			i > first ? "," : "", (char)(name + (char)i),
			digest_hex(&known[i].digest, hex), known[i].len);
	buf_printf(&text, "]}");
	assert(header_parse(span_of(text.at, text.len), &h, NULL) == 0);
	return h;
}

/* Each of the missing is given at most once, from what was there before. */
static void
check_listing(const struct header *h, const struct header *old, struct span archive)
{
	struct listing *v = listing_new(h, old);
	struct archive_reader reader;
	struct archive_entry entry;
	struct listing_entry files;
	size_t given = 0;

	assert(archive_open(&reader, archive, NULL) == 0);
	while (archive_next(&reader, &entry, NULL) == ARCHIVE_ENTRY &&
		listing_take(v, reader.format, &entry, &files, NULL) == 0) {
		uint64_t bytes = 0;

		assert(files.files == v->all + given && files.number == v->old_count + given);
		assert(entry.count == 0 || files.count == entry.count);
		for (size_t i = 0; i < files.base_count; i++) {
			assert(files.bases[i] < v->old_count + given);
			bytes += listing_base(v, files.bases[i])->size;
		}
		assert(bytes == files.base_bytes);
		assert(files.count == 1 || files.bytes <= LISTING_GROUP_BYTES);
		given += files.count;
		assert(given == v->given_count);
		assert(v->given_count - v->unlisted_count <= v->missing_count);
		assert(v->unlisted_bytes <= LISTING_UNLISTED_SHARE * v->bytes);
	}
	listing_free(v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf archive = {0};
	AUTO_HEADER struct header *h = NULL;
	AUTO_HEADER struct header *old = NULL;

	if (size < 1)
		return 0;
	know_all();
	h = version(FIRST_NEW, KNOWN_COUNT, 'a');
	old = data[0] & 1 ? NULL : version(0, KNOWN_OLD, 'A');
	buf_add_string(&archive, "GUTS2AR2");
	buf_add(&archive, data + 1, size - 1);
	check_listing(h, old, span_of(archive.at, archive.len));
	check_archive(h, old, span_of(archive.at, archive.len));
	return 0;
}
