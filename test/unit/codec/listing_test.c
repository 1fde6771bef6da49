/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/listing.h"

#include "base/mem.h"
#include "codec/archived.h"
#include "unit.h"

enum { MIB = 1 << 20 };

/* The digest is 32 times this digit. */
static void
add(struct header *h, const char *path, int digit, uint64_t size)
{
	AUTO_FREE char *name = mem_string(path);
	struct header_file file = {.path = name, .size = size};

	memset(file.digest.byte, digit, DIGEST_BYTES);
	ck_assert_int_eq(header_add(h, &file, NULL), 0);
}

static void
check_paths(const struct header_file *const *files, size_t count, const char *expected)
{
	AUTO_BUF struct buf all = {0};

	for (size_t i = 0; i < count; i++)
		buf_printf(&all, "%s ", files[i]->path);
	buf_add(&all, "", 1);
	ck_assert_str_eq(all.at, expected);
}

/* Renamed and repeated files are no more missing than others. */
START_TEST(listing_new__lists_contents_where_they_come_first)
{
	AUTO_HEADER struct header *new = header_new();
	AUTO_HEADER struct header *old = header_new();
	struct listing *v;

	add(new, "d/z", 1, 10);
	add(new, "c", 2, 10);
	add(new, "e/first", 7, 10);
	add(new, "e/second", 7, 10);
	add(new, "a", 3, 10);
	add(new, "B", 9, 10);
	add(new, "empty", 4, 0);
	add(old, "renamed", 3, 10);
	add(old, "y", 8, 10);
	add(old, "x", 8, 10);
	add(old, "a", 5, 10);
	ck_assert_int_eq(header_seal(new, NULL), 0);
	ck_assert_int_eq(header_seal(old, NULL), 0);
	v = listing_new(new, old);
	check_paths(v->missing, v->missing_count, "B c d/z e/first empty ");
	check_paths(v->old, v->old_count, "a renamed x ");
	ck_assert_uint_eq(v->blob_count, 6);
	ck_assert_ptr_eq(listing_base(v, 2), v->old[2]);
	ck_assert_ptr_eq(listing_base(v, 3), v->missing[0]);
	ck_assert_ptr_eq(listing_base(v, 7), v->missing[4]);
	listing_free(v);
	/* Of a full archive all are. */
	v = listing_new(new, NULL);
	check_paths(v->missing, v->missing_count, "B a c d/z e/first empty ");
	ck_assert_uint_eq(v->old_count, 0);
	ck_assert_ptr_eq(listing_base(v, 0), v->missing[0]);
	listing_free(v);
	listing_free(NULL);
}
END_TEST

/*
 * Missing, in this order: two of 100 bytes, an empty one, one of 8 MiB, one of as much and a byte,
 * one of 20 MiB. Old: 30 MiB, 16 MiB, an empty one and one of a byte.
 */
static struct listing *
open_sizes(struct header **ret_new, struct header **ret_old)
{
	*ret_new = header_new();
	*ret_old = header_new();
	add(*ret_new, "a", 1, 100);
	add(*ret_new, "b", 2, 100);
	add(*ret_new, "c", 3, 0);
	add(*ret_new, "d", 4, 8 * MIB);
	add(*ret_new, "e", 5, 8 * MIB + 1);
	add(*ret_new, "f", 6, 20 * MIB);
	add(*ret_old, "m", 11, 30 * MIB);
	add(*ret_old, "n", 12, 16 * MIB);
	add(*ret_old, "o", 13, 0);
	add(*ret_old, "p", 14, 1);
	ck_assert_int_eq(header_seal(*ret_new, NULL), 0);
	ck_assert_int_eq(header_seal(*ret_old, NULL), 0);
	return listing_new(*ret_new, *ret_old);
}

static int
take(struct listing *v, enum codec codec, uint64_t count, const char *runs, size_t stream_len,
	struct listing_entry *ret, struct err *e)
{
	AUTO_BUF struct buf b = {0};
	struct archive_entry entry = {.codec = codec, .count = count};

	archived_put_runs(&b, runs);
	entry.bases = span_of(b.at, b.len);
	entry.stream = span_of("", stream_len);
	*e = (struct err){0};
	return listing_take(v, FORMAT_AR2, &entry, ret, e);
}

/* The same where the entry tells its contents, without the number of their runs. */
static int
take_told(struct listing *v, enum codec codec, const char *contents, const char *runs,
	struct listing_entry *ret, struct err *e)
{
	AUTO_BUF struct buf told = {0};
	AUTO_BUF struct buf b = {0};
	struct archive_entry entry = {.codec = codec, .stream = {(const uint8_t *)"x", 1}};

	archived_put_contents(&told, contents);
	archived_put_runs(&b, runs);
	entry.contents = span_of(told.at, told.len);
	entry.bases = span_of(b.at, b.len);
	*e = (struct err){0};
	return listing_take(v, FORMAT_AR2, &entry, ret, e);
}

/* In any order, with what no header lists between them; what is next is what is left. */
START_TEST(listing_take__says_which_contents_were_told)
{
	AUTO_HEADER struct header *new = NULL;
	AUTO_HEADER struct header *old = NULL;
	struct listing *v = open_sizes(&new, &old);
	struct listing_entry got;
	struct err e;

	ck_assert_int_eq(take_told(v, CODEC_ZSTD, "1 3 2 0 7 300 1 1", "", &got, &e), 0);
	ck_assert_uint_eq(got.count, 4);
	ck_assert_uint_eq(got.number, 4);
	ck_assert_uint_eq(got.bytes, 0 + 7 + 300 + 100);
	ck_assert_str_eq(got.files[0]->path, "c");
	ck_assert(listing_is_unlisted(got.files[1]) && listing_is_unlisted(got.files[2]));
	ck_assert_str_eq(got.files[3]->path, "a");
	/* From both of these, and round the end to an old one. */
	ck_assert_int_eq(take(v, CODEC_BSDIFF, 2, "5 2 4 1", 1, &got, &e), 0);
	check_paths(got.files, got.count, "b d ");
	ck_assert_uint_eq(got.base_count, 3);
	ck_assert_uint_eq(got.bases[2], 3);
	ck_assert_uint_eq(got.base_bytes, 7 + 300 + 1);
	ck_assert_int_eq(take(v, CODEC_ZSTD, 1, "", 1, &got, &e), 0);
	check_paths(got.files, got.count, "e ");
	ck_assert_int_eq(take(v, CODEC_ZSTD, 2, "", 1, &got, &e), -1);
	listing_free(v);
}
END_TEST

/* 36 MiB and 201 bytes are in the new version. */
START_TEST(listing_take__refuses_contents_that_cannot_be)
{
	static const struct {
		const char *before; /* NULL: none */
		const char *contents;
		const char *runs;
		const char *wrong; /* NULL: nothing is */
	} rows[] = {{NULL, "1 7", "", "more files than are missing"},
		{NULL, "6 2", "", "more files than are missing"}, {NULL, "1 1 1 1", "", "repeated"},
		{"1 2", "2 1", "", "repeated"}, {"1 2", "1 3", "", NULL},
		{"2 2", "1 2", "", "repeated"}, {NULL, "1 0 75497874", "", NULL},
		{NULL, "1 0 75497875", "", "unlisted contents of too many bytes"},
		{"1 0 75497874", "1 0 0", "", NULL},
		{"1 0 75497874", "1 0 1", "", "unlisted contents of too many bytes"},
		{NULL, "2 0 16777216 1", "", "group of too many bytes"},
		{"2 0 1 2", "1 1", "4 2", NULL}, {"2 0 1 2", "1 1", "4 3", "a base is not there"},
		{NULL, "1 0 9", "4 1", "a base is not there"},
		/* round and round */
		{"2 0 1 2", "1 1", "2 4 3 1", NULL},
		{"2 0 1 2", "1 1", "2 4 2 3", "a base is repeated"},
		{"2 0 1 2", "1 1", "2 4 6 1", "a base is not there"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_HEADER struct header *new = NULL;
		AUTO_HEADER struct header *old = NULL;
		struct listing *v = open_sizes(&new, &old);
		bool good = rows[i].wrong == NULL;
		struct listing_entry got;
		struct err e;

		if (rows[i].before != NULL)
			ck_assert_int_eq(take_told(v, CODEC_ZSTD, rows[i].before, "", &got, &e), 0);
		ck_assert_msg(take_told(v, CODEC_ZSTD, rows[i].contents, rows[i].runs, &got, &e) ==
				      (good ? 0 : -1),
			"row %zu: %s", i, e.text);
		ck_assert_msg(
			good || strstr(e.text, rows[i].wrong) != NULL, "row %zu: %s", i, e.text);
		listing_free(v);
	}
}
END_TEST

/* However they are told: each once, or 65,536 in one. */
START_TEST(listing_take__bounds_the_unlisted_contents)
{
	AUTO_HEADER struct header *new = NULL;
	AUTO_HEADER struct header *old = NULL;
	struct listing *v = open_sizes(&new, &old);
	struct listing_entry got;
	struct err e;

	for (unsigned i = 0; i < 65536; i++)
		ck_assert_int_eq(take_told(v, CODEC_ZSTD, "1 0 1", "", &got, &e), 0);
	ck_assert_uint_eq(got.number, 4 + 65535);
	ck_assert_int_eq(take_told(v, CODEC_ZSTD, "1 0 1", "", &got, &e), -1);
	ck_assert_str_eq(e.text, "too many unlisted contents");
	listing_free(v);
}
END_TEST

/* Both versions have 82 MiB and some bytes; each entry is made from 30 MiB. */
START_TEST(listing_take__bounds_the_bases_of_all_entries)
{
	AUTO_HEADER struct header *new = NULL;
	AUTO_HEADER struct header *old = NULL;
	struct listing *v = open_sizes(&new, &old);
	struct listing_entry got;
	struct err e;

	for (unsigned i = 0; i < 16 * 82 / 30; i++)
		ck_assert_int_eq(take_told(v, CODEC_ZSTD, "1 0 1", "0 1", &got, &e), 0);
	ck_assert_int_eq(take_told(v, CODEC_ZSTD, "1 0 1", "0 1", &got, &e), -1);
	ck_assert_str_eq(e.text, "bases of too many bytes");
	listing_free(v);
}
END_TEST

START_TEST(listing_take__says_which_files_come_next)
{
	AUTO_HEADER struct header *new = NULL;
	AUTO_HEADER struct header *old = NULL;
	struct listing *v = open_sizes(&new, &old);
	struct listing_entry got;
	struct err e;

	ck_assert(!listing_is_given(v, &new->files[0].digest));
	ck_assert_int_eq(take(v, CODEC_ZSTD, 3, "1 1", 1, &got, &e), 0);
	check_paths(got.files, got.count, "a b c ");
	ck_assert_uint_eq(got.bytes, 200);
	ck_assert_uint_eq(got.base_bytes, 16 * MIB);
	for (size_t i = 0; i < 6; i++)
		ck_assert_int_eq(listing_is_given(v, &new->files[i].digest), i < 3);
	/* Of another version. */
	ck_assert(!listing_is_given(v, &old->files[0].digest));
	/* From what was given, and an old one. */
	ck_assert_int_eq(take(v, CODEC_BSDIFF, 1, "3 4", 1, &got, &e), 0);
	check_paths(got.files, got.count, "d ");
	ck_assert_uint_eq(got.base_bytes, 201);
	ck_assert_int_eq(take(v, CODEC_LZMA, 1, "", 1, &got, &e), 0);
	check_paths(got.files, got.count, "e ");
	ck_assert_uint_eq(got.base_bytes, 0);
	ck_assert_int_eq(take(v, CODEC_BSDIFF, 1, "8 1", 1, &got, &e), 0);
	check_paths(got.files, got.count, "f ");
	ck_assert_uint_eq(got.base_bytes, 8 * MIB + 1);
	ck_assert_int_eq(take(v, CODEC_ZSTD, 1, "", 1, &got, &e), -1);
	ck_assert_str_eq(e.text, "more files than are missing");
	listing_free(v);
}
END_TEST

START_TEST(listing_take__refuses_what_the_headers_do_not_allow)
{
	/* given: so many come first, each alone. */
	static const struct {
		uint64_t given;
		enum codec codec;
		uint64_t count;
		const char *runs;
		size_t stream_len;
		const char *wrong; /* NULL: nothing is */
	} rows[] = {{0, CODEC_ZSTD, 6, "", 1, "group of too many bytes"},
		{0, CODEC_ZSTD, 7, "", 1, "more files than are missing"},
		{6, CODEC_ZSTD, 1, "", 1, "more files than are missing"},
		{1, CODEC_ZSTD, UINT64_MAX, "", 1, "more files than are missing"},
		/* together 16 MiB and a byte */
		{3, CODEC_ZSTD, 2, "", 1, "group of too many bytes"},
		{2, CODEC_ZSTD, 2, "", 1, NULL}, {5, CODEC_ZSTD, 1, "", 1, NULL},
		{0, CODEC_ZSTD, 1, "0 1", 1, NULL}, {0, CODEC_ZSTD, 1, "1 2", 1, NULL},
		{0, CODEC_ZSTD, 1, "1 3", 1, "bases of too many bytes"},
		{0, CODEC_ZSTD, 1, "0 1 1 1", 1, "bases of too many bytes"},
		/* what it gives itself, and what comes later */
		{0, CODEC_ZSTD, 1, "4 1", 1, "a base is not there"},
		{1, CODEC_ZSTD, 1, "4 1", 1, NULL},
		{1, CODEC_ZSTD, 1, "4 2", 1, "a base is not there"},
		{1, CODEC_ZSTD, 1, "2 1 1 2", 1, "a base is not there"},
		{1, CODEC_ZSTD, 1, "131071 1", 1, "a base is not there"},
		{0, CODEC_BZIP2, 1, "3 1", 1, "encoding is not for"},
		{0, CODEC_VCDIFF, 1, "", 1, "encoding is not for"},
		{0, CODEC_BSDIFF, 1, "", 1, "encoding is not for"},
		{0, CODEC_BSDIFF, 1, "2 1", 1, "encoding is not for"},
		{0, CODEC_LZMA, 1, "2 1", 1, NULL}, {0, CODEC_LZMA, 1, "3 1", 1, NULL},
		{0, CODEC_LZMA, 1, "1 1", 1, NULL},
		{0, CODEC_LZMA, 1, "0 1", 1, "encoding is not for"},
		{0, CODEC_BSDIFF, 1, "1 1", 1, NULL}, {5, CODEC_LZMA, 1, "3 1", 1, NULL},
		{5, CODEC_LZMA, 1, "1 1", 1, "encoding is not for"},
		{5, CODEC_LZMA, 1, "", 1, NULL},
		{2, CODEC_ZSTD, 1, "3 1", 1, "encoding is not for"},
		{0, CODEC_ZSTD, 2, "", 2 * 200 + 4096, NULL},
		{0, CODEC_ZSTD, 2, "", 2 * 200 + 4097, "its stream is longer than"},
		{2, CODEC_ZSTD, 1, "", 4097, "its stream is longer than"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_HEADER struct header *new = NULL;
		AUTO_HEADER struct header *old = NULL;
		struct listing *v = open_sizes(&new, &old);
		bool good = rows[i].wrong == NULL;
		struct listing_entry got;
		struct err e;

		for (uint64_t k = 0; k < rows[i].given; k++)
			ck_assert_int_eq(take(v, CODEC_ZSTD, 1, "", 1, &got, &e), 0);
		ck_assert_msg(take(v, rows[i].codec, rows[i].count, rows[i].runs,
				      rows[i].stream_len, &got, &e) == (good ? 0 : -1),
			"row %zu: %s", i, e.text);
		ck_assert_int_eq(e.code, good ? ERR_NONE : ERR_INPUT);
		ck_assert_msg(
			good || strstr(e.text, rows[i].wrong) != NULL, "row %zu: %s", i, e.text);
		listing_free(v);
	}
}
END_TEST

START_TEST(listing_take__of_the_older_format_gives_each_file_once)
{
	AUTO_HEADER struct header *new = NULL;
	AUTO_HEADER struct header *old = NULL;
	struct listing *v = open_sizes(&new, &old);
	struct archive_entry entry = {.codec = CODEC_BZIP2, .stream = {(const uint8_t *)"x", 1}};
	struct listing_entry got;
	struct err e = {0};

	/* In any order. */
	for (size_t i = 6; i > 0; i--) {
		entry.file = new->files[i - 1].digest;
		ck_assert_int_eq(listing_take(v, FORMAT_AR1, &entry, &got, &e), 0);
		check_paths(got.files, got.count, (char[]){(char)('a' + i - 1), ' ', '\0'});
		ck_assert_uint_eq(got.bytes, new->files[i - 1].size);
		ck_assert_uint_eq(got.base_bytes, 0);
		ck_assert(listing_is_given(v, &entry.file));
	}
	ck_assert_int_eq(listing_take(v, FORMAT_AR1, &entry, &got, &e), -1);
	ck_assert_str_eq(e.text, "repeated");
	entry.file = old->files[0].digest;
	ck_assert_int_eq(listing_take(v, FORMAT_AR1, &entry, &got, &e), -1);
	ck_assert_str_eq(e.text, "not in the header");
	ck_assert_int_eq(e.code, ERR_INPUT);
	listing_free(v);
}
END_TEST

void
listing_tests(TCase *c)
{
	tcase_add_test(c, listing_new__lists_contents_where_they_come_first);
	tcase_add_test(c, listing_take__says_which_files_come_next);
	tcase_add_test(c, listing_take__says_which_contents_were_told);
	tcase_add_test(c, listing_take__refuses_contents_that_cannot_be);
	tcase_add_test(c, listing_take__bounds_the_unlisted_contents);
	tcase_add_test(c, listing_take__bounds_the_bases_of_all_entries);
	tcase_add_test(c, listing_take__refuses_what_the_headers_do_not_allow);
	tcase_add_test(c, listing_take__of_the_older_format_gives_each_file_once);
}
