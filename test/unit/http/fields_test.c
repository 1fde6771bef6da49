/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/fields.h"

#include "unit.h"

START_TEST(fields_range__follows_the_rfc)
{
	static const struct {
		const char *value;
		enum range_kind kind;
		uint64_t first, len;
	} rows[] = {{"bytes=0-0", RANGE_PART, 0, 1}, {"bytes=0-99", RANGE_PART, 0, 100},
		{"bytes=5-", RANGE_PART, 5, 95}, {"bytes=-5", RANGE_PART, 95, 5},
		{"bytes=-500", RANGE_PART, 0, 100}, {"bytes=99-1000", RANGE_PART, 99, 1},
		{"bytes=100-", RANGE_UNSATISFIABLE, 0, 0}, {"bytes=-0", RANGE_UNSATISFIABLE, 0, 0},
		{"bytes=5-4", RANGE_NONE, 0, 0}, {"bytes=0-1,2-3", RANGE_NONE, 0, 0},
		{"bytes=", RANGE_NONE, 0, 0}, {"bytes=a-b", RANGE_NONE, 0, 0},
		{"bytes=-", RANGE_NONE, 0, 0}, {"items=0-1", RANGE_NONE, 0, 0},
		{"bytes=0-18446744073709551615", RANGE_PART, 0, 100},
		{"bytes=0-999999999999999999999999999999", RANGE_PART, 0, 100},
		{"bytes=7-0000000000000000000000000000008", RANGE_PART, 7, 2},
		{"bytes=-999999999999999999999999999999", RANGE_PART, 0, 100},
		{"bytes=999999999999999999999999999999-", RANGE_UNSATISFIABLE, 0, 0},
		{"bytes=999999999999999999999999999999-5", RANGE_NONE, 0, 0},
		{"bytes=0-9x", RANGE_NONE, 0, 0}, {"bytes=0-9 ", RANGE_NONE, 0, 0},
		{"BYTES=1-2", RANGE_PART, 1, 2}, {"bytes=a-5", RANGE_NONE, 0, 0},
		{"bytes=0-100", RANGE_PART, 0, 100}, {"bytes=3-99", RANGE_PART, 3, 97},
		{"bytes=3-98", RANGE_PART, 3, 96}, {"bytes=0,2-3", RANGE_NONE, 0, 0},
		{"bytes=-1,2", RANGE_NONE, 0, 0}, {"bytes=a-", RANGE_NONE, 0, 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t first = 0;
		uint64_t len = 0;

		ck_assert_msg(fields_range(rows[i].value, 100, &first, &len) == rows[i].kind, "%s",
			rows[i].value);
		if (rows[i].kind == RANGE_PART)
			ck_assert_msg(
				first == rows[i].first && len == rows[i].len, "%s", rows[i].value);
	}
	ck_assert_int_eq(fields_range(NULL, 100, NULL, NULL), RANGE_NONE);
}
END_TEST

START_TEST(fields_accepts__wants_the_type_and_no_zero)
{
	static const struct {
		const char *value;
		bool ok;
	} rows[] = {{"application/x-guts2ar2", true}, {"a/b, application/x-guts2ar2;q=0.5", true},
		{"a/b,\tApplication/X-Guts2AR2 , c/d", true}, {"application/x-guts2ar2;q=0", false},
		{"application/x-guts2ar2; q=0.00", false}, {"application/x-guts2ar22", false},
		{"*/*", false}, {"", false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(fields_accepts(rows[i].value, "application/x-guts2ar2") == rows[i].ok,
			"%s", rows[i].value);
	ck_assert(!fields_accepts(NULL, "application/x-guts2ar2"));
}
END_TEST

START_TEST(fields_prefer_wait_s__finds_the_number)
{
	ck_assert_uint_eq(fields_prefer_wait_s("wait=30"), 30);
	ck_assert_uint_eq(fields_prefer_wait_s("respond-async, wait=7"), 7);
	ck_assert_uint_eq(fields_prefer_wait_s("wait=-1"), 0);
	ck_assert_uint_eq(fields_prefer_wait_s("wait=x"), 0);
	ck_assert_uint_eq(fields_prefer_wait_s("wait=, \t,wait=6 "), 6);
	ck_assert_uint_eq(fields_prefer_wait_s("wait=999999999999999999999999999999"), 86400);
	ck_assert_uint_eq(fields_prefer_wait_s(NULL), 0);
}
END_TEST

START_TEST(fields_etag_matches__lists_and_star)
{
	ck_assert(fields_etag_matches("\"a\", W/\"b\"", "\"b\""));
	ck_assert(fields_etag_matches("*", "\"b\""));
	ck_assert(!fields_etag_matches("\"ab\"", "\"b\""));
	ck_assert(!fields_etag_matches(NULL, "\"b\""));
}
END_TEST

START_TEST(fields_if_range_matches__this_very_etag_and_no_weak_one)
{
	ck_assert(fields_if_range_matches("\"b\"", "\"b\""));
	ck_assert(!fields_if_range_matches("W/\"b\"", "\"b\""));
	ck_assert(!fields_if_range_matches("*", "\"b\""));
	ck_assert(!fields_if_range_matches("\"a\", \"b\"", "\"b\""));
	ck_assert(!fields_if_range_matches("Sat, 01 Jan 2000 00:00:00 GMT", "\"b\""));
	ck_assert(fields_if_range_matches(NULL, "\"b\""));
}
END_TEST

START_TEST(fields_date__understands_all_three_forms)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {{"Sun, 06 Nov 1994 08:49:37 GMT", true},
		{"Sunday, 06-Nov-94 08:49:37 GMT", true}, {"Sun Nov  6 08:49:37 1994", true},
		{"yesterday", false}, {"", false}, {"Sun, 06 Nov 1994 08:49:37 GMTx", false},
		{"Mon, 01 Jan 1900 00:00:00 GMT", false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t s = 0;

		ck_assert_msg(fields_date(rows[i].text, &s) == rows[i].good, "row %zu", i);
		if (rows[i].good)
			ck_assert_uint_eq(s, 784111777);
	}
	ck_assert(!fields_date(NULL, &(uint64_t){0}));
}
END_TEST

START_TEST(fields_modified_s__is_never_after_the_date_of_the_answer)
{
	/* The clock may have been set back since the archive came. */
	static const uint64_t now_ms[] = {0, 700, 5000, 5001, 9999, 10000, 10500, 12000, 99000};

	for (size_t i = 0; i < sizeof(now_ms) / sizeof(now_ms[0]); i++) {
		uint64_t own_s;
		uint64_t next_s;
		uint64_t sent_s = fields_modified_s(10400, now_ms[i], &own_s);

		ck_assert_msg(sent_s <= now_ms[i] / 1000, "row %zu", i);
		/* What comes in the same moment is newer than what was sent. */
		(void)fields_modified_s(now_ms[i], now_ms[i], &next_s);
		ck_assert_msg(now_ms[i] == 0 || sent_s < next_s, "row %zu", i);
	}
}
END_TEST

START_TEST(fields_modified_s__who_has_the_one_before_loads_the_next)
{
	/* One archive came, was loaded at a time, and was replaced by another one. */
	static const struct {
		uint64_t landed_ms, loaded_ms, next_ms;
		bool settled;
	} rows[] = {{10000, 10000, 10000, false}, {10010, 10020, 10990, false},
		{10010, 11900, 11950, false}, {10999, 12998, 12999, false},
		{10010, 12010, 12020, true}, {10999, 12999, 13000, true},
		{10000, 12000, 12000, true}, {10001, 99999, 99999, true}, {700, 800, 900, false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t own_s;
		uint64_t next_s;
		uint64_t sent_s = fields_modified_s(rows[i].landed_ms, rows[i].loaded_ms, &own_s);

		(void)fields_modified_s(rows[i].next_ms, rows[i].next_ms, &next_s);
		ck_assert_msg(sent_s < next_s, "row %zu", i);
		ck_assert_msg(rows[i].settled == (sent_s >= own_s), "row %zu", i);
	}
}
END_TEST

void
fields_tests(TCase *c)
{
	tcase_add_test(c, fields_if_range_matches__this_very_etag_and_no_weak_one);
	tcase_add_test(c, fields_date__understands_all_three_forms);
	tcase_add_test(c, fields_modified_s__is_never_after_the_date_of_the_answer);
	tcase_add_test(c, fields_modified_s__who_has_the_one_before_loads_the_next);
	tcase_add_test(c, fields_range__follows_the_rfc);
	tcase_add_test(c, fields_accepts__wants_the_type_and_no_zero);
	tcase_add_test(c, fields_prefer_wait_s__finds_the_number);
	tcase_add_test(c, fields_etag_matches__lists_and_star);
}
