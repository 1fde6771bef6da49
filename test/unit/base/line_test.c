/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/line.h"

#include "unit.h"

START_TEST(line_next__passes_over_what_says_nothing_and_counts_it)
{
	static const struct {
		const char *line;
		unsigned number;
	} rows[] = {{"first", 3}, {"second # not a comment", 4}, {"x", 7}, {"last", 9}};
	char text[] = "\n# comment\n first\t\r\nsecond # not a comment\n \t\r\n\t#\nx\n\nlast";
	char *tail = text;
	unsigned number = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_str_eq(line_next(&tail, &number), rows[i].line);
		ck_assert_uint_eq(number, rows[i].number);
	}
	ck_assert_ptr_null(line_next(&tail, &number));
}
END_TEST

START_TEST(line_trim__takes_off_blanks_around)
{
	static const char *const rows[][2] = {
		{"", ""}, {" \t\r", ""}, {"a", "a"}, {"\ta b\r", "a b"}, {"a\n", "a\n"}};
	char text[16];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)strcpy(text, rows[i][0]);
		ck_assert_str_eq(line_trim(text), rows[i][1]);
	}
}
END_TEST

void
line_tests(TCase *c)
{
	tcase_add_test(c, line_next__passes_over_what_says_nothing_and_counts_it);
	tcase_add_test(c, line_trim__takes_off_blanks_around);
}
