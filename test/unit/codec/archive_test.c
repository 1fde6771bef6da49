/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/archive.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/varint.h"
#include "codec/archived.h"
#include "unit.h"

#define HEX1 "1111111111111111111111111111111111111111111111111111111111111111"
#define HEX2 "2222222222222222222222222222222222222222222222222222222222222222"

/* Of GUTS2AR1, or what looks like it. */
static void
put_named(struct buf *b, const char *magic, const char *encoding, const char *name, uint64_t len)
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

/* Both lengths have two bytes. */
START_TEST(archive_add__writes_numbers_and_a_magic_once)
{
	static const uint8_t expected[] = {'G', 'U', 'T', 'S', '2', 'A', 'R', '2', 3, 1, 2, 0, 2, 5,
		1, 0x80, 1, 1, 0xac, 2, 0, 1, 'x'};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_CLOSE int fd = openat(dir, "a", O_RDWR | O_CREAT, 0600);
	AUTO_FREE unsigned char *stream = unit_bytes(128, 1);
	AUTO_BUF struct buf runs = {0};
	AUTO_BUF struct buf bytes = {0};
	struct archive_writer *w = archive_writer_new(fd, FORMAT_AR2);
	struct archive_entry entry = {
		.codec = CODEC_VCDIFF, .count = 1, .stream = span_of(stream, 128)};
	struct archive_ref ref;
	struct digest digest;

	archived_put_runs(&runs, "0 2 5 1");
	entry.bases = span_of(runs.at, runs.len);
	ck_assert_int_eq(archive_add(w, &entry, NULL), 0);
	ck_assert_uint_eq(archive_entry_bytes(&entry), 9 + 128);
	entry = (struct archive_entry){
		.codec = CODEC_ZSTD, .count = 300, .stream = span_of("x", 1)};
	ck_assert_int_eq(archive_add(w, &entry, NULL), 0);
	ck_assert_uint_eq(archive_entry_bytes(&entry), 6);
	ck_assert_int_eq(archive_end(w, &ref, NULL), 0);
	archive_writer_free(w);
	ck_assert_int_eq(fs_read(dir, "a", 1 << 20, &bytes, NULL), 0);
	ck_assert_uint_eq(bytes.len, sizeof(expected) + 128);
	ck_assert_mem_eq(bytes.at, expected, 17);
	ck_assert_mem_eq(bytes.at + 17, stream, 128);
	ck_assert_mem_eq(bytes.at + 17 + 128, expected + 17, 6);
	digest = digest_of(span_of(bytes.at, bytes.len));
	ck_assert(digest_equal(&digest, &ref.id) && ref.bytes == bytes.len);
}
END_TEST

START_TEST(archive_end__of_no_entries_there_is_the_magic)
{
	for (int format = 0; format < FORMAT_COUNT; format++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		AUTO_CLOSE int fd = openat(dir, "a", O_RDWR | O_CREAT, 0600);
		struct archive_writer *w = archive_writer_new(fd, (enum format)format);
		AUTO_BUF struct buf bytes = {0};
		struct archive_reader r;
		struct archive_entry entry;
		struct archive_ref ref;

		ck_assert_int_eq(archive_end(w, &ref, NULL), 0);
		archive_writer_free(w);
		ck_assert_int_eq(fs_read(dir, "a", 1 << 20, &bytes, NULL), 0);
		ck_assert_uint_eq(bytes.len, 8);
		ck_assert_mem_eq(bytes.at, format == FORMAT_AR1 ? "GUTS2AR1" : "GUTS2AR2", 8);
		ck_assert_int_eq(archive_open(&r, span_of(bytes.at, bytes.len), NULL), 0);
		ck_assert_int_eq(r.format, format);
		ck_assert_int_eq(archive_next(&r, &entry, NULL), ARCHIVE_END);
	}
}
END_TEST

enum { TOTAL = 310 };

/* The numbers of all bases of an entry, one behind the other. */
static void
check_bases(struct span bases, const char *expected)
{
	AUTO_BUF struct buf all = {0};
	struct archive_run run = {0};

	while (archive_next_run(&bases, TOTAL, &run))
		for (uint64_t i = run.first; i < run.first + run.count; i++)
			buf_printf(&all, "%s%d", all.len > 0 ? " " : "", (int)i);
	buf_add(&all, "", 1);
	ck_assert_str_eq(all.at, expected);
}

/* Behind the last number comes the first again. */
START_TEST(archive_put_bases__has_a_run_for_what_is_in_a_row)
{
	static const struct {
		size_t numbers[6];
		size_t count;
		const char *runs;
		const char *all;
	} rows[] = {{{0}, 0, "", ""}, {{0}, 1, "0 1", "0"}, {{7}, 1, "7 1", "7"},
		{{0, 1, 2}, 3, "0 3", "0 1 2"}, {{1, 3, 5}, 3, "1 1 1 1 1 1", "1 3 5"},
		{{0, 2, 3, 300, 301, 302}, 6, "0 1 1 2 296 3", "0 2 3 300 301 302"},
		{{5, 6, 0, 1}, 4, "5 2 303 2", "5 6 0 1"},
		{{308, 309, 0, 4, 2}, 5, "308 2 0 1 3 1 307 1", "308 309 0 4 2"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF struct buf got = {0};
		AUTO_BUF struct buf expected = {0};

		archive_put_bases(rows[i].numbers, rows[i].count, TOTAL, &got);
		archived_put_runs(&expected, rows[i].runs);
		ck_assert_uint_eq(got.len, expected.len);
		ck_assert(got.len == 0 || memcmp(got.at, expected.at, got.len) == 0);
		check_bases(span_of(got.at, got.len), rows[i].all);
	}
}
END_TEST

/* With and without bases, in both lengths of a number. */
static void
put_sample(struct buf *b)
{
	buf_add_string(b, "GUTS2AR2");
	archived_put(b, CODEC_ZSTD, 300, "", span_of("abc", 3));
	archived_put(b, CODEC_BSDIFF, 1, "2 1 200 3", span_of("d", 1));
}

START_TEST(archive_next__walks_what_was_written)
{
	AUTO_BUF struct buf b = {0};
	struct archive_reader r;
	struct archive_entry entry;

	put_sample(&b);
	ck_assert_int_eq(archive_open(&r, span_of(b.at, b.len), NULL), 0);
	ck_assert_int_eq(r.format, FORMAT_AR2);
	ck_assert_int_eq(archive_next(&r, &entry, NULL), ARCHIVE_ENTRY);
	ck_assert_int_eq(entry.codec, CODEC_ZSTD);
	ck_assert_uint_eq(entry.count, 300);
	ck_assert_uint_eq(entry.bases.len, 0);
	ck_assert_uint_eq(entry.stream.len, 3);
	ck_assert_mem_eq(entry.stream.at, "abc", 3);
	ck_assert_int_eq(archive_next(&r, &entry, NULL), ARCHIVE_ENTRY);
	ck_assert_int_eq(entry.codec, CODEC_BSDIFF);
	ck_assert_uint_eq(entry.count, 1);
	check_bases(entry.bases, "2 203 204 205");
	ck_assert_uint_eq(entry.stream.len, 1);
	ck_assert_int_eq(archive_next(&r, &entry, NULL), ARCHIVE_END);
}
END_TEST

/* To the end, or to the error, which is one of input. */
static enum archive_step
walk(const void *bytes, size_t len, unsigned *ret_entries, struct err *e)
{
	struct archive_reader r;
	struct archive_entry entry;
	enum archive_step step = ARCHIVE_ERROR;

	*e = (struct err){0};
	*ret_entries = 0;
	if (archive_open(&r, span_of(bytes, len), e) == 0)
		while ((step = archive_next(&r, &entry, e)) == ARCHIVE_ENTRY) {
			ck_assert(
				entry.stream.len > 0 && entry.stream.at >= (const uint8_t *)bytes &&
				entry.stream.at + entry.stream.len <= (const uint8_t *)bytes + len);
			(*ret_entries)++;
		}
	ck_assert_int_eq(e->code, step == ARCHIVE_ERROR ? ERR_INPUT : ERR_NONE);
	return step;
}

START_TEST(archive_next__refuses_every_broken_shape_of_the_older_format)
{
	static const struct {
		const char *magic, *encoding, *name;
		uint64_t len;
		const char *behind;
	} rows[] = {{"GUTS2AR1", "ZSTD", HEX1, 1, "xGUTS2AR1"},
		{"GUTS2AR1", "VCDIFF", HEX1 ":" HEX2, 1, "xGUTS2AR1"},
		{"GUTS2AR1", "BZIP2", HEX1 ":" HEX2, 1, "xGUTS2AR1"},
		{"GUTS2AR1", "", HEX1, 1, "xGUTS2AR1"}, {"GUTS2AR1", "bzip2", HEX1, 1, "xGUTS2AR1"},
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
	unsigned entries;
	struct err e;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF struct buf b = {0};

		put_named(&b, rows[i].magic, rows[i].encoding, rows[i].name, rows[i].len);
		buf_add_string(&b, rows[i].behind);
		ck_assert_msg(walk(b.at, b.len, &entries, &e) == ARCHIVE_ERROR, "row %zu", i);
	}
}
END_TEST

/* Names that are padded with something else are told apart by their last byte. */
START_TEST(archive_next__wants_the_padded_name_of_the_encoding)
{
	for (int i = 0; i < 8; i++) {
		AUTO_BUF struct buf b = {0};
		unsigned entries;
		struct err e;

		put_named(&b, "GUTS2AR1", "BZIP2", HEX1, 1);
		buf_add_string(&b, "xGUTS2AR1");
		ck_assert_int_eq(walk(b.at, b.len, &entries, &e), ARCHIVE_END);
		b.at[16 + i] ^= 1;
		ck_assert_int_eq(walk(b.at, b.len, &entries, &e), ARCHIVE_ERROR);
		ck_assert_ptr_nonnull(strstr(e.text, "archive at 0: encoding unknown"));
	}
}
END_TEST

START_TEST(archive_next__refuses_every_broken_shape_of_the_newer_format)
{
	static const struct {
		uint64_t codec, count;
		const char *runs;
		const char *stream;
		const char *wrong; /* NULL: it is right */
	} rows[] = {{CODEC_ZSTD, 1, "", "x", NULL}, {CODEC_BSDIFF, 65536, "0 1", "x", NULL},
		{CODEC_LZMA, 1, "0 196607", "x", NULL}, {CODEC_LZMA, 1, "196607 1", "x", NULL},
		{CODEC_ZSTD, 1, "0 1 0 1", "x", NULL},
		{CODEC_BZIP2, 1, "", "x", "encoding unknown"},
		{CODEC_COUNT, 1, "", "x", "encoding unknown"},
		{1ULL << 32 | CODEC_ZSTD, 1, "", "x", "encoding unknown"},
		{CODEC_ZSTD, 0, "", "x", "no files"}, {CODEC_ZSTD, 65537, "", "x", "too many"},
		{CODEC_ZSTD, INT64_MAX, "", "x", "too many"},
		{CODEC_ZSTD, 1, "", "", "without a stream"},
		/* of no files, of more than there can be */
		{CODEC_ZSTD, 1, "0 0", "x", "bases are out of range"},
		{CODEC_ZSTD, 1, "0 1 1 0", "x", "bases are out of range"},
		{CODEC_ZSTD, 1, "196608 1", "x", "bases are out of range"},
		{CODEC_ZSTD, 1, "0 196608", "x", "bases are out of range"},
		{CODEC_ZSTD, 1, "9223372036854775807 9223372036854775807", "x",
			"bases are out of range"},
		{CODEC_ZSTD, 1, "1 1 9223372036854775807 1", "x", "bases are out of range"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF struct buf b = {0};
		unsigned entries;
		struct err e;
		bool good = rows[i].wrong == NULL;

		buf_add_string(&b, "GUTS2AR2");
		archived_put(
			&b, rows[i].codec, rows[i].count, rows[i].runs, unit_text(rows[i].stream));
		ck_assert_msg(
			walk(b.at, b.len, &entries, &e) == (good ? ARCHIVE_END : ARCHIVE_ERROR),
			"row %zu", i);
		ck_assert_msg(
			good || strstr(e.text, rows[i].wrong) != NULL, "row %zu: %s", i, e.text);
		ck_assert_msg(good || strncmp(e.text, "archive at 8: ", 14) == 0, "%s", e.text);
	}
}
END_TEST

/* Of codec, count, runs, skip, take and length each. */
START_TEST(archive_next__a_number_has_one_spelling)
{
	static const uint8_t good[] = {3, 1, 1, 2, 1, 1, 'x'};
	unsigned entries;
	struct err e;

	for (size_t i = 0; i <= 6; i++) {
		AUTO_BUF struct buf b = {0};

		buf_add_string(&b, "GUTS2AR2");
		buf_add(&b, good, i);
		if (i < 6)
			buf_add(&b, (uint8_t[]){good[i] | 0x80, 0}, 2);
		buf_add(&b, good + i + (i < 6), sizeof(good) - i - (i < 6));
		ck_assert_msg(
			walk(b.at, b.len, &entries, &e) == (i < 6 ? ARCHIVE_ERROR : ARCHIVE_END),
			"number %zu", i);
		ck_assert(i == 6 || strstr(e.text, "number is damaged or cut short") != NULL);
	}
}
END_TEST

/* Runs that are said and not there would be read from the stream, or from what is behind it. */
START_TEST(archive_next__counts_of_runs_are_not_believed)
{
	static const uint64_t counts[] = {2, 3, 1000, 1ULL << 40, INT64_MAX};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		AUTO_BUF struct buf b = {0};
		unsigned entries;
		struct err e;

		buf_add_string(&b, "GUTS2AR2\3\1");
		varint_put(&b, counts[i]);
		buf_add(&b, "\0\1\1\1x", 5);
		ck_assert_int_eq(walk(b.at, b.len, &entries, &e), ARCHIVE_ERROR);
	}
}
END_TEST

/* Of a stream of 5 bytes, of either format. */
START_TEST(archive_next__no_stream_reaches_behind_the_archive)
{
	for (int format = 0; format < FORMAT_COUNT; format++)
		for (uint64_t stated = 0; stated <= 300; stated++) {
			AUTO_BUF struct buf b = {0};
			unsigned rest = format == FORMAT_AR1 ? 13 : 5;
			unsigned entries;
			struct err e;
			enum archive_step step;

			if (format == FORMAT_AR1) {
				put_named(&b, "GUTS2AR1", "BZIP2", HEX1, stated);
				buf_add_string(&b, "12345GUTS2AR1");
			} else {
				buf_add_string(&b, "GUTS2AR2");
				(void)archived_put_head(&b, CODEC_ZSTD, 1, "", stated);
				/* Numbers that are none. */
				buf_add_string(&b, "\x9f\x9f\x9f\x9f\x9f");
			}
			step = walk(b.at, b.len, &entries, &e);
			ck_assert_msg(
				(step == ARCHIVE_END) == (stated == 5), "%d bytes", (int)stated);
			ck_assert_uint_eq(entries, stated >= 1 && stated <= rest);
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
	AUTO_BUF struct buf older = {0};
	AUTO_BUF struct buf newer = {0};
	unsigned entries;
	struct err e;

	put_named(&older, "GUTS2AR1", "BZIP2", HEX1, 3);
	buf_add_string(&older, "abc");
	put_named(&older, "GUTS2AR1", "BZIP2", HEX2, 1);
	buf_add_string(&older, "dGUTS2AR1");
	/* The bare magic is an archive of nothing; behind an entry it is the end. */
	for (size_t len = 0; len <= older.len; len++)
		ck_assert_msg((walk(at_edge(older.at, len), len, &entries, &e) == ARCHIVE_END) ==
				      (len == 8 || len == 8 + 20 + 64 + 3 + 8 || len == older.len),
			"cut to %zu", len);
	/* Behind an entry a newer one may be over: how many files are missing the headers say. */
	put_sample(&newer);
	for (size_t len = 0; len <= newer.len; len++) {
		ck_assert_msg((walk(at_edge(newer.at, len), len, &entries, &e) == ARCHIVE_END) ==
				      (len == 8 || len == 8 + 5 + 3 || len == newer.len),
			"cut to %zu", len);
		ck_assert_uint_eq(entries, len == newer.len ? 2 : len >= 8 + 5 + 3);
	}
}
END_TEST

START_TEST(archive_next__a_name_has_one_length)
{
	static const char digits[] = HEX1 ":" HEX2 HEX1;

	for (size_t len = 0; len < sizeof(digits); len++) {
		AUTO_FREE char *name = mem_string_n(digits, len);
		AUTO_BUF struct buf b = {0};
		unsigned entries;
		struct err e;

		put_named(&b, "GUTS2AR1", "BZIP2", name, 5);
		buf_add_string(&b, "12345GUTS2AR1");
		ck_assert_msg((walk(b.at, b.len, &entries, &e) == ARCHIVE_END) == (len == 64),
			"a name of %zu bytes", len);
		ck_assert_uint_eq(entries, len == 64);
	}
}
END_TEST

void
archive_tests(TCase *c)
{
	tcase_add_test(c, archive_add__writes_the_bytes_of_the_public_dump);
	tcase_add_test(c, archive_add__no_archive_becomes_larger_than_one_may_be);
	tcase_add_test(c, archive_add__writes_numbers_and_a_magic_once);
	tcase_add_test(c, archive_end__of_no_entries_there_is_the_magic);
	tcase_add_test(c, archive_put_bases__has_a_run_for_what_is_in_a_row);
	tcase_add_test(c, archive_next__walks_what_was_written);
	tcase_add_test(c, archive_next__refuses_every_broken_shape_of_the_older_format);
	tcase_add_test(c, archive_next__wants_the_padded_name_of_the_encoding);
	tcase_add_test(c, archive_next__refuses_every_broken_shape_of_the_newer_format);
	tcase_add_test(c, archive_next__a_number_has_one_spelling);
	tcase_add_test(c, archive_next__counts_of_runs_are_not_believed);
	tcase_add_test(c, archive_next__no_stream_reaches_behind_the_archive);
	tcase_add_test(c, archive_next__refuses_an_archive_that_is_cut_anywhere);
	tcase_add_test(c, archive_next__a_name_has_one_length);
}
