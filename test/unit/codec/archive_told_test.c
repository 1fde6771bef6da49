/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "codec/archive.h"
#include "codec/archived.h"
#include "unit.h"

/* Which contents an entry gives, as numbers: runs, then take, first and, of unlisted ones, sizes.
 */
START_TEST(archive_next__contents_are_told_or_refused)
{
	static const struct {
		const char *contents;
		const char *wrong; /* NULL: it is right */
	} rows[] = {{"1 1 1", NULL}, {"1 65536 1", NULL}, {"1 1 65536", NULL}, {"1 2 0 7 0", NULL},
		{"3 1 9 2 0 300 1099511627776 1 1", NULL}, {"0", "entry of no files"},
		{"1 0 1", "contents are out of range"}, {"1 0 0", "contents are out of range"},
		{"1 65537 1", "contents are out of range"},
		{"1 1 65537", "contents are out of range"},
		{"4 65536 1 65536 1 65536 1 1 1", "contents are out of range"},
		{"1 1 0 1099511627777", "contents of too many bytes"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF struct buf b = {0};
		AUTO_BUF struct buf again = {0};
		bool good = rows[i].wrong == NULL;
		struct archive_contents some;
		struct archive_reader r;
		struct archive_entry entry;
		struct span left;
		struct err e = {0};

		buf_add_string(&b, ARCHIVED_MAGIC);
		archived_put_told(&b, CODEC_ZSTD, rows[i].contents, "2 1", unit_text("x"));
		ck_assert_int_eq(archive_open(&r, span_of(b.at, b.len), NULL), 0);
		ck_assert_msg(
			archive_next(&r, &entry, &e) == (good ? ARCHIVE_ENTRY : ARCHIVE_ERROR),
			"row %zu: %s", i, e.text);
		ck_assert_msg(
			good || strstr(e.text, rows[i].wrong) != NULL, "row %zu: %s", i, e.text);
		if (!good)
			continue;
		ck_assert_uint_eq(entry.count, 0);
		ck_assert_uint_eq(archive_entry_bytes(&entry), b.len - 8);
		left = entry.contents;
		while (archive_next_contents(&left, &some))
			archive_put_contents(&some, &again);
		ck_assert_uint_eq(again.len, entry.contents.len);
		ck_assert_mem_eq(again.at, entry.contents.at, again.len);
	}
}
END_TEST

START_TEST(archive_unlisted_bytes__of_all_entries)
{
	AUTO_BUF struct buf b = {0};

	ck_assert_uint_eq(archive_unlisted_bytes(unit_text("GUTS2AR")), 0);
	buf_add_string(&b, ARCHIVED_MAGIC);
	archived_put_told(&b, CODEC_ZSTD, "3 1 9 2 0 300 1000000 1 1", "", unit_text("x"));
	archived_put(&b, CODEC_ZSTD, 2, "", unit_text("x"));
	archived_put_told(&b, CODEC_ZSTD, "1 1 0 7", "", unit_text("x"));
	ck_assert_uint_eq(archive_unlisted_bytes(span_of(b.at, b.len)), 1000307);
	ck_assert_uint_eq(archive_unlisted_bytes(span_of(b.at, b.len - 1)), 1000300);
	ck_assert_uint_eq(archive_unlisted_bytes(unit_text("GUTS2AR1GUTS2AR1")), 0);
}
END_TEST

/* Sizes that are said and not there would be read from the stream, or from what is behind it. */
START_TEST(archive_next__counts_of_contents_are_not_believed)
{
	AUTO_BUF struct buf b = {0};
	size_t whole;

	buf_add_string(&b, ARCHIVED_MAGIC);
	archived_put_told(&b, CODEC_ZSTD, "2 3 0 7 8 9 2 1", "", unit_text("x"));
	whole = b.len;
	for (size_t len = 8; len <= whole; len++) {
		AUTO_FREE unsigned char *exact = mem_new(len, 1);
		struct archive_reader r;
		struct archive_entry entry;

		memcpy(exact, b.at, len);
		ck_assert_int_eq(archive_open(&r, span_of(exact, len), NULL), 0);
		ck_assert_int_eq(archive_next(&r, &entry, NULL), len == 8	? ARCHIVE_END
								 : len == whole ? ARCHIVE_ENTRY
										: ARCHIVE_ERROR);
	}
}
END_TEST

void
archive_told_tests(TCase *c)
{
	tcase_add_test(c, archive_next__contents_are_told_or_refused);
	tcase_add_test(c, archive_next__counts_of_contents_are_not_believed);
	tcase_add_test(c, archive_unlisted_bytes__of_all_entries);
}
