/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/num.h"
#include "unit.h"

START_TEST(num_parse__takes_plain_decimals_only)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t value;
	} rows[] = {{"0", true, 0}, {"7", true, 7}, {"9007199254740991", true, (1ULL << 53) - 1},
		{"18446744073709551615", true, UINT64_MAX}, {"18446744073709551616", false, 0},
		{"", false, 0}, {"00", false, 0}, {"01", false, 0}, {"-1", false, 0},
		{"+1", false, 0}, {" 1", false, 0}, {"1 ", false, 0}, {"0x1", false, 0},
		{"1.0", false, 0}, {"1/", false, 0}, {"1:", false, 0},
		{"99999999999999999999999", false, 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t value = 42;

		ck_assert_msg(num_parse(rows[i].text, strlen(rows[i].text), UINT64_MAX, &value) ==
				      rows[i].ok,
			"%s", rows[i].text);
		ck_assert_uint_eq(value, rows[i].ok ? rows[i].value : 42);
	}
}
END_TEST

START_TEST(num_parse_ms__knows_units_and_bounds)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t ms;
	} rows[] = {{"5", true, 300000}, {"5s", true, 5000}, {"500ms", true, 500},
		{"2h", true, 7200000}, {"1d", true, 86400000}, {"10m", true, 600000},
		{"0", true, 0}, {"5x", false, 0}, {"s", false, 0}, {"1.5s", false, 0},
		{"-1s", false, 0}, {"5 s", false, 0}, {"99999999999d", false, 0}, {"", false, 0},
		{"3650d", true, 315360000000}, {"3651d", false, 0},
		{"315360000000ms", true, 315360000000}, {"315360000001ms", false, 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t ms = 42;

		ck_assert_msg(
			num_parse_ms(rows[i].text, 60000, &ms) == rows[i].ok, "%s", rows[i].text);
		if (rows[i].ok)
			ck_assert_uint_eq(ms, rows[i].ms);
	}
}
END_TEST

START_TEST(num_ms_text__is_read_back_exactly)
{
	static const uint64_t rows[] = {
		0, 1, 999, 1000, 1500, 60000, 61000, 3600000, 86400000, 90000};
	char text[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t ms;

		ck_assert(num_parse_ms(num_ms_text(rows[i], text, sizeof(text)), 1, &ms));
		ck_assert_uint_eq(ms, rows[i]);
	}
}
END_TEST

START_TEST(num_parse_size__knows_units_and_bounds)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t bytes;
	} rows[] = {{"0", true, 0}, {"1000", true, 1000}, {"500k", true, 512000},
		{"512M", true, 512 << 20}, {"3G", true, 3ULL << 30}, {"4T", true, 4ULL << 40},
		{"5T", false, 0}, {"", false, 0}, {"k", false, 0}, {"1K", false, 0},
		{"1kk", false, 0}, {"-1", false, 0}, {"01", false, 0},
		{"99999999999999999999M", false, 0}};
	char text[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t bytes = 0;

		ck_assert_msg(num_parse_size(rows[i].text, 4ULL << 40, &bytes) == rows[i].ok, "%s",
			rows[i].text);
		ck_assert_uint_eq(bytes, rows[i].bytes);
		if (rows[i].ok)
			ck_assert(num_parse_size(num_size_text(bytes, text, sizeof(text)),
					  UINT64_MAX, &bytes) &&
				  bytes == rows[i].bytes);
	}
}
END_TEST

START_TEST(num_add__never_passes_its_bound)
{
	uint64_t sum = 10;

	ck_assert(num_add(&sum, 5, 15));
	ck_assert(!num_add(&sum, 1, 15));
	ck_assert(!num_add(&sum, UINT64_MAX, UINT64_MAX));
	ck_assert_uint_eq(sum, 15);
	ck_assert(num_add(&sum, 0, 15));
	ck_assert(!num_add(&sum, 0, 14));
}
END_TEST

START_TEST(num_bytes_text__three_digits_for_people)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {{0, "0 B"}, {1, "1 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {1234, "1.2 kB"},
		{99900, "99.9 kB"}, {99950, "100 kB"}, {99949, "99.9 kB"}, {123456, "123 kB"},
		{999499, "999 kB"}, {999500, "1.0 MB"}, {1500000000, "1.5 GB"},
		{2000000000000, "2.0 TB"}, {3000000000000000, "3.0 PB"}, {UINT64_MAX, "18.4 EB"}};
	char text[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_str_eq(num_bytes_text(rows[i].bytes, text, sizeof(text)), rows[i].text);
}
END_TEST

START_TEST(num_span_text__two_of_a_unit_at_least)
{
	static const struct {
		uint64_t s;
		const char *text;
	} rows[] = {{0, "0 s"}, {119, "119 s"}, {120, "2 min"}, {7199, "119 min"}, {7200, "2 h"},
		{172799, "47 h"}, {172800, "2 days"}, {UINT64_MAX, "213503982334601 days"}};
	char text[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_str_eq(num_span_text(rows[i].s, text, sizeof(text)), rows[i].text);
}
END_TEST

void
num_tests(TCase *c)
{
	tcase_add_test(c, num_parse__takes_plain_decimals_only);
	tcase_add_test(c, num_parse_ms__knows_units_and_bounds);
	tcase_add_test(c, num_ms_text__is_read_back_exactly);
	tcase_add_test(c, num_parse_size__knows_units_and_bounds);
	tcase_add_test(c, num_add__never_passes_its_bound);
	tcase_add_test(c, num_bytes_text__three_digits_for_people);
	tcase_add_test(c, num_span_text__two_of_a_unit_at_least);
}
