/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/archive.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

#define HEX1 "1111111111111111111111111111111111111111111111111111111111111111"
#define HEX2 "2222222222222222222222222222222222222222222222222222222222222222"

static void
put_entry(struct buf *b, const char *magic, const char *encoding, const char *name, uint64_t len)
{
	char padded[8] = {0};
	uint8_t numbers[8];

	buf_add(b, magic, 8);
	for (int i = 0; i < 8; i++)
		numbers[i] = (uint8_t)(len >> (56 - 8 * i));
	buf_add(b, numbers, 8);
	memcpy(padded, encoding, strlen(encoding));
	buf_add(b, padded, 8);
	for (int i = 0; i < 4; i++)
		numbers[i] = (uint8_t)(strlen(name) >> (24 - 8 * i));
	buf_add(b, numbers, 4);
	buf_add_string(b, name);
}

START_TEST(archive_add__writes_the_bytes_of_the_public_dump)
{
	static const uint8_t dump[] = {0x47, 0x55, 0x54, 0x53, 0x32, 0x41, 0x52, 0x31, 0, 0, 0, 0,
		0, 0, 0x18, 0x1e, 0x42, 0x5a, 0x49, 0x50, 0x32, 0, 0, 0, 0, 0, 0, 0x40};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_CLOSE int fd = openat(dir, "a", O_RDWR | O_CREAT, 0600);
	AUTO_FREE unsigned char *stream = unit_bytes(0x181e, 1);
	AUTO_BUF struct buf bytes = {0};
	struct archive_writer *w = archive_writer_new(fd, FORMAT_AR1);
	struct archive_entry entry = {.codec = CODEC_BZIP2, .stream = span_of(stream, 0x181e)};
	struct archive_ref ref;
	struct digest digest;

	ck_assert(digest_parse(HEX1, &entry.file));
	ck_assert_int_eq(archive_add(w, &entry, NULL), 0);
	ck_assert_int_eq(archive_end(w, &ref, NULL), 0);
	archive_writer_free(w);
	ck_assert_int_eq(fs_read(dir, "a", 1 << 20, &bytes, NULL), 0);
	ck_assert_mem_eq(bytes.at, dump, sizeof(dump));
	ck_assert_mem_eq(bytes.at + sizeof(dump), HEX1, 64);
	ck_assert_mem_eq(bytes.at + sizeof(dump) + 64, stream, 0x181e);
	ck_assert_uint_eq(bytes.len, sizeof(dump) + 64 + 0x181e + 8);
	ck_assert_mem_eq(bytes.at + bytes.len - 8, "GUTS2AR1", 8);
	digest = digest_of(span_of(bytes.at, bytes.len));
	ck_assert(digest_equal(&digest, &ref.id) && ref.bytes == bytes.len);
}
END_TEST

/* Refused before a byte of it is looked at. */
START_TEST(archive_add__no_archive_becomes_larger_than_one_may_be)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_CLOSE int fd = openat(dir, "a", O_RDWR | O_CREAT, 0600);
	struct archive_writer *w = archive_writer_new(fd, FORMAT_AR1);
	struct archive_entry entry = {
		.codec = CODEC_BZIP2, .stream = span_of(path, ((size_t)1 << 40) - 28 - 64 + 1)};
	struct err e = {0};

	ck_assert_int_eq(archive_add(w, &entry, &e), -1);
	ck_assert_int_eq(e.code, ERR_LIMIT);
	ck_assert_str_eq(e.text, "archive larger than 2^40 bytes");
	archive_writer_free(w);
}
END_TEST

START_TEST(archive_next__walks_what_was_written)
{
	AUTO_BUF struct buf b = {0};
	struct archive_reader r;
	struct archive_entry entry;

	put_entry(&b, "GUTS2AR2", "ZSTD", HEX1, 3);
	buf_add_string(&b, "abc");
	put_entry(&b, "GUTS2AR2", "VCDIFF", HEX2 ":" HEX1, 1);
	buf_add_string(&b, "dGUTS2AR2");
	ck_assert_int_eq(archive_open(&r, span_of(b.at, b.len), NULL), 0);
	ck_assert_int_eq(archive_next(&r, &entry, NULL), ARCHIVE_ENTRY);
	ck_assert_int_eq(entry.codec, CODEC_ZSTD);
	ck_assert_mem_eq(entry.stream.at, "abc", 3);
	ck_assert_int_eq(archive_next(&r, &entry, NULL), ARCHIVE_ENTRY);
	ck_assert_int_eq(entry.codec, CODEC_VCDIFF);
	ck_assert_int_eq(entry.base.byte[0], 0x11);
	ck_assert_int_eq(archive_next(&r, &entry, NULL), ARCHIVE_END);
}
END_TEST

START_TEST(archive_next__refuses_every_broken_shape)
{
	static const struct {
		const char *magic, *encoding, *name;
		uint64_t len;
		const char *behind;
	} rows[] = {{"GUTS2AR1", "ZSTD", HEX1, 1, "xGUTS2AR1"},
		{"GUTS2AR1", "VCDIFF", HEX1 ":" HEX2, 1, "xGUTS2AR1"},
		{"GUTS2AR2", "LZMA", HEX1, 1, "xGUTS2AR2"}, {"GUTS2AR2", "", HEX1, 1, "xGUTS2AR2"},
		{"GUTS2AR2", "VCDIFF", HEX1, 1, "xGUTS2AR2"},
		{"GUTS2AR2", "ZSTD", HEX1 ":" HEX2, 1, "xGUTS2AR2"},
		{"GUTS2AR2", "VCDIFF", HEX1 "-" HEX2, 1, "xGUTS2AR2"},
		{"GUTS2AR1", "BZIP2",
			"../../../../../../../../../../../../../../../../../etc/passwd0123", 1,
			"xGUTS2AR1"},
		{"GUTS2AR1", "BZIP2", "11", 1, "xGUTS2AR1"},
		{"GUTS2AR1", "BZIP2", HEX1, 1, "GUTS2AR1"},
		{"GUTS2AR1", "BZIP2", HEX1, UINT64_MAX, "GUTS2AR1"},
		{"GUTS2AR1", "BZIP2", HEX1, (uint64_t)1 << 63, "GUTS2AR1"},
		{"GUTS2AR1", "BZIP2", HEX1, 1, "x"}, {"GUTS2AR1", "BZIP2", HEX1, 1, "xGUTS2AR"},
		{"GUTS2AR1", "BZIP2", HEX1, 1, "xGUTS2AR2"},
		{"GUTS2AR1", "BZIP2", HEX1, 1, "xGUTS2AR1x"},
		{"GUTS2AR1", "BZIP2", HEX1, 0, "GUTS2AR1"},
		{"GUTS2AR3", "BZIP2", HEX1, 1, "xGUTS2AR3"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF struct buf b = {0};
		struct archive_reader r;
		struct archive_entry entry;
		enum archive_step step = ARCHIVE_ERROR;
		struct err e = {0};

		put_entry(&b, rows[i].magic, rows[i].encoding, rows[i].name, rows[i].len);
		buf_add_string(&b, rows[i].behind);
		if (archive_open(&r, span_of(b.at, b.len), &e) == 0)
			while ((step = archive_next(&r, &entry, &e)) == ARCHIVE_ENTRY)
				;
		ck_assert_msg(step == ARCHIVE_ERROR, "row %zu", i);
		ck_assert_msg(e.code == ERR_INPUT, "row %zu: %s", i, e.text);
	}
}
END_TEST

/* A good archive with one entry, whose stream of 5 bytes is said to be this long. */
static enum archive_step
walk_stated(const char *name, const char *encoding, uint64_t stated, unsigned *ret_entries)
{
	AUTO_BUF struct buf b = {0};
	struct archive_reader r;
	struct archive_entry entry;
	enum archive_step step;

	put_entry(&b, "GUTS2AR2", encoding, name, stated);
	buf_add_string(&b, "12345GUTS2AR2");
	*ret_entries = 0;
	ck_assert_int_eq(archive_open(&r, span_of(b.at, b.len), NULL), 0);
	while ((step = archive_next(&r, &entry, NULL)) == ARCHIVE_ENTRY) {
		ck_assert_uint_le(
			(size_t)(entry.stream.at - (const uint8_t *)b.at) + entry.stream.len,
			b.len);
		(*ret_entries)++;
	}
	return step;
}

START_TEST(archive_next__no_stream_reaches_behind_the_archive)
{
	static const struct {
		const char *encoding, *name;
	} rows[] = {{"ZSTD", HEX1}, {"VCDIFF", HEX1 ":" HEX2}};
	enum { REST = 13 }; /* the stream, and the terminator */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (uint64_t stated = 1; stated <= REST + 8 + 28 + 129; stated++) {
			unsigned entries;
			enum archive_step step =
				walk_stated(rows[i].name, rows[i].encoding, stated, &entries);

			ck_assert_msg(step == (stated == 5 ? ARCHIVE_END : ARCHIVE_ERROR),
				"%s of %d bytes", rows[i].encoding, (int)stated);
			ck_assert_msg(entries == (stated <= REST), "%s of %d bytes: %u entries",
				rows[i].encoding, (int)stated, entries);
		}
}
END_TEST

/* A copy behind which no byte can be read. */
static const char *
at_edge(const void *bytes, size_t len)
{
	enum { PAGE = 4096 };
	static char *pages;

	if (pages == NULL) {
		pages = mmap(NULL, 2 * (size_t)PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ck_assert(pages != MAP_FAILED);
		ck_assert_int_eq(mprotect(pages + PAGE, PAGE, PROT_NONE), 0);
	}
	ck_assert_uint_le(len, PAGE);
	return memcpy(pages + PAGE - len, bytes, len);
}

START_TEST(archive_next__refuses_an_archive_that_is_cut_anywhere)
{
	AUTO_BUF struct buf b = {0};

	put_entry(&b, "GUTS2AR2", "ZSTD", HEX1, 3);
	buf_add_string(&b, "abc");
	put_entry(&b, "GUTS2AR2", "VCDIFF", HEX2 ":" HEX1, 1);
	buf_add_string(&b, "dGUTS2AR2");
	for (size_t len = 0; len <= b.len; len++) {
		const char *cut = at_edge(b.at, len);
		struct archive_reader r;
		struct archive_entry entry;
		enum archive_step step = ARCHIVE_ERROR;
		struct err e = {0};

		/* The bare magic is an archive of nothing; behind an entry it is the end. */
		if (archive_open(&r, span_of(cut, len), &e) == 0)
			while ((step = archive_next(&r, &entry, &e)) == ARCHIVE_ENTRY)
				;
		ck_assert_int_eq(e.code, step == ARCHIVE_ERROR ? ERR_INPUT : ERR_NONE);
		ck_assert_msg((step == ARCHIVE_END) ==
				      (len == 8 || len == 8 + 20 + 64 + 3 + 8 || len == b.len),
			"cut to %zu", len);
	}
}
END_TEST

START_TEST(archive_next__a_name_has_one_length)
{
	static const char digits[] = HEX1 ":" HEX2 HEX1;

	for (size_t len = 0; len < sizeof(digits); len++)
		for (int delta = 0; delta <= 1; delta++) {
			AUTO_FREE char *name = mem_string_n(digits, len);
			unsigned entries;
			bool good = len == (delta ? 129U : 64U);

			ck_assert_msg((walk_stated(name, delta ? "VCDIFF" : "ZSTD", 5, &entries) ==
					      ARCHIVE_END) == good,
				"a name of %zu bytes", len);
			ck_assert_uint_eq(entries, good);
		}
}
END_TEST

void
archive_tests(TCase *c)
{
	tcase_add_test(c, archive_add__writes_the_bytes_of_the_public_dump);
	tcase_add_test(c, archive_add__no_archive_becomes_larger_than_one_may_be);
	tcase_add_test(c, archive_next__walks_what_was_written);
	tcase_add_test(c, archive_next__no_stream_reaches_behind_the_archive);
	tcase_add_test(c, archive_next__refuses_an_archive_that_is_cut_anywhere);
	tcase_add_test(c, archive_next__a_name_has_one_length);
	tcase_add_test(c, archive_next__refuses_every_broken_shape);
}
