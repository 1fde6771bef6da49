/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include "base/mem.h"
#include "unit.h"

START_TEST(cli_clean__what_steers_a_terminal_or_turns_the_line_is_replaced)
{
	static const struct {
		const char *text;
		const char *clean;
	} rows[] = {
		{"plain text", "plain text"},
		{"a\x1b[2Jb\x7f\n", "a?[2Jb??"},
		{"Gr\xc3\xbc\xc3\x9f"
		 "e \xe2\x82\xac",
			"Gr\xc3\xbc\xc3\x9f"
			"e \xe2\x82\xac"},
		{"C1 \xc2\x9b"
		 "31m \xc2\x80 \xc2\xa0",
			"C1 ??31m ?? \xc2\xa0"},
		{"turned \xe2\x80\xae"
		 "exe.txt",
			"turned ???exe.txt"},
		{"\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\xaa\xe2\x81\xa6\xe2\x81\xa9\xd8\x9c",
			"?????????????????"},
		{"joined \xe2\x80\x8d dash \xe2\x80\x94", "joined \xe2\x80\x8d dash \xe2\x80\x94"},
		{"two lines \xe2\x80\xa8", "two lines ???"},
		{"no UTF-8 \x9b \xe2\x80", "no UTF-8 ? ??"},
		{"\xe2", "?"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *clean = cli_cleaned(rows[i].text);

		ck_assert_str_eq(clean, rows[i].clean);
	}
}
END_TEST

void
cli_tests(TCase *c)
{
	tcase_add_test(c, cli_clean__what_steers_a_terminal_or_turns_the_line_is_replaced);
}
