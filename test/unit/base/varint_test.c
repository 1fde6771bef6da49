/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/varint.h"

#include "unit.h"

START_TEST(varint_put__seven_bits_a_byte_the_lowest_first)
{
	static const struct {
		uint64_t n;
		const char *bytes;
		size_t len;
	} rows[] = {{0, "\0", 1}, {1, "\1", 1}, {127, "\x7f", 1}, {128, "\x80\1", 2},
		{300, "\xac\2", 2}, {16383, "\xff\x7f", 2}, {16384, "\x80\x80\1", 3},
		{UINT32_MAX, "\xff\xff\xff\xff\xf", 5},
		{INT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF struct buf b = {0};
		uint64_t n = 42;

		varint_put(&b, rows[i].n);
		ck_assert_uint_eq(b.len, rows[i].len);
		ck_assert_mem_eq(b.at, rows[i].bytes, b.len);
		/* Whatever is behind it. */
		buf_add(&b, "\xff", 1);
		ck_assert_uint_eq(varint_get(span_of(b.at, b.len), &n), rows[i].len);
		ck_assert_uint_eq(n, rows[i].n);
		/* Of any byte less it is cut short. */
		for (size_t len = 0; len < rows[i].len; len++)
			ck_assert_uint_eq(varint_get(span_of(b.at, len), &n), 0);
	}
}
END_TEST

START_TEST(varint_get__every_number_has_one_spelling)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {{"\x80\0", 2}, {"\x81\0", 2}, {"\x81\x80\0", 3}, {"\xff\xff\0", 3},
		{"\x80\x80\x80\x80\x80\x80\x80\x80\0", 9},
		/* ten bytes: 2^63 and more */
		{"\x80\x80\x80\x80\x80\x80\x80\x80\x80\1", 10},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\0", 10},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t n;

		ck_assert_msg(
			varint_get(span_of(rows[i].bytes, rows[i].len), &n) == 0, "row %zu", i);
	}
}
END_TEST

/* Any two bytes: what is taken is what the number is written as. */
START_TEST(varint_get__takes_what_is_written_and_nothing_else)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < 1U << 16; i++) {
		const uint8_t bytes[] = {(uint8_t)i, (uint8_t)(i >> 8)};
		AUTO_BUF struct buf b = {0};
		uint64_t n;
		size_t len = varint_get(span_of(bytes, 2), &n);

		if (len == 0)
			continue;
		varint_put(&b, n);
		ck_assert_uint_eq(b.len, len);
		ck_assert_mem_eq(b.at, bytes, len);
		taken += len == 2;
	}
	/* 128 to 16383. */
	ck_assert_uint_eq(taken, 16384 - 128);
}
END_TEST

void
varint_tests(TCase *c)
{
	tcase_add_test(c, varint_put__seven_bits_a_byte_the_lowest_first);
	tcase_add_test(c, varint_get__every_number_has_one_spelling);
	tcase_add_test(c, varint_get__takes_what_is_written_and_nothing_else);
}
