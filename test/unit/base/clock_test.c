/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"

#include "unit.h"

START_TEST(clock_text__one_row_for_each)
{
	static const struct {
		int64_t s;
		const char *text;
	} rows[] = {{0, "1970-01-01T00:00:00Z"}, {-1, "1969-12-31T23:59:59Z"},
		{951782400, "2000-02-29T00:00:00Z"}, {4102444799, "2099-12-31T23:59:59Z"},
		{INT64_MAX, "?"}, {INT64_MIN, "?"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[CLOCK_TEXT];

		ck_assert_str_eq(clock_text(rows[i].s, text), rows[i].text);
	}
}
END_TEST

START_TEST(clock_past_ms__what_is_still_to_come_was_not)
{
	ck_assert_uint_eq(clock_past_ms(5, 5), 5);
	ck_assert_uint_eq(clock_past_ms(4, 5), 4);
	ck_assert_uint_eq(clock_past_ms(6, 5), 0);
}
END_TEST

void
clock_tests(TCase *c)
{
	tcase_add_test(c, clock_text__one_row_for_each);
	tcase_add_test(c, clock_past_ms__what_is_still_to_come_was_not);
}
