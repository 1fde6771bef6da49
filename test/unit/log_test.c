/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log.h"

#include <regex.h>
#include <string.h>

#include "unit.h"

START_TEST(log_text__is_one_value_on_one_line)
{
	static const struct {
		const char *value;
		const char *written;
	} rows[] = {{"plain", " key=plain"}, {"/f/a;b,c_%20", " key=/f/a;b,c_%20"},
		{"", " key=\"\""}, {"two words", " key=\"two words\""}, {"a=b", " key=\"a=b\""},
		{"\"", " key=\"\\\"\""}, {"C:\\x", " key=\"C:\\\\x\""},
		{"a\nlevel=info", " key=\"a\\x0alevel=info\""}, {"\x1b[2J", " key=\"\\x1b[2J\""},
		{"\x7f\xff", " key=\"\\x7f\\xff\""}, {"a\"\"b c", " key=\"a\\\"\\\"b c\""}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct log_line l = {0};

		log_text(&l, "key", rows[i].value);
		ck_assert_str_eq(l.text, rows[i].written);
		ck_assert_uint_eq(l.len, strlen(l.text));
	}
}
END_TEST

START_TEST(log_text__what_does_not_fit_is_cut)
{
	struct log_line l = {0};
	char value[3000];

	memset(value, 'a', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (size_t i = 0; i < 3; i++) {
		value[i] = i == 1 ? '\n' : ' ';
		log_text(&l, "key", value);
	}
	ck_assert_uint_eq(l.len, sizeof(l.text) - 2);
	ck_assert_uint_eq(strlen(l.text), l.len);
}
END_TEST

START_TEST(log_number__has_all_its_digits)
{
	static const struct {
		uint64_t value;
		const char *written;
	} rows[] = {{0, " n=0"}, {7, " n=7"}, {10, " n=10"}, {1554196376, " n=1554196376"},
		{UINT64_MAX, " n=18446744073709551615"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct log_line l = {0};

		log_number(&l, "n", rows[i].value);
		ck_assert_str_eq(l.text, rows[i].written);
	}
}
END_TEST

START_TEST(log_begin__says_when_and_what)
{
	struct log_line l = {0};
	regex_t form;

	ck_assert_int_eq(regcomp(&form,
				 "^time=20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:"
				 "[0-6][0-9]\\.[0-9]{3}Z level=info event=request$",
				 REG_EXTENDED | REG_NOSUB),
		0);
	for (int i = 0; i < 2; i++) {
		log_begin(&l, EVENT_REQUEST);
		ck_assert_msg(regexec(&form, l.text, 0, NULL, 0) == 0, "%s", l.text);
	}
	regfree(&form);
}
END_TEST

void
log_tests(TCase *c)
{
	tcase_add_test(c, log_text__is_one_value_on_one_line);
	tcase_add_test(c, log_text__what_does_not_fit_is_cut);
	tcase_add_test(c, log_number__has_all_its_digits);
	tcase_add_test(c, log_begin__says_when_and_what);
}
