/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>

#include "unit.h"

START_TEST(err_sys__has_the_reason_behind_and_a_code_to_decide_by)
{
	static const struct {
		int number;
		enum err_code code;
	} rows[] = {{ENOSPC, ERR_FULL}, {EDQUOT, ERR_FULL}, {ENOENT, ERR_MISSING},
		{ENOTDIR, ERR_MISSING}, {EIO, ERR_SYS}, {EACCES, ERR_SYS}};
	char wanted[200];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};

		errno = rows[i].number;
		ck_assert_int_eq(err_sys(&e, "%s %d", "file", 7), -1);
		ck_assert_int_eq(e.code, rows[i].code);
		(void)snprintf(wanted, sizeof(wanted), "file 7: %s", strerror(rows[i].number));
		ck_assert_str_eq(e.text, wanted);
	}
}
END_TEST

START_TEST(err__a_text_that_is_too_long_is_cut_and_keeps_the_reason)
{
	char path[1000];
	struct err e = {0};

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	errno = EIO;
	(void)err_sys(&e, "%s", path);
	ck_assert_str_eq(strrchr(e.text, ':') + 2, strerror(EIO));
	ck_assert_int_eq(err_wrap(&e, "%s", path), -1);
	ck_assert_uint_eq(strlen(e.text), sizeof(e.text) - 1);
	ck_assert_int_eq(e.code, ERR_SYS);
}
END_TEST

START_TEST(err_wrap__puts_in_front_and_keeps_the_code)
{
	struct err e = {0};

	ck_assert_int_eq(err_set(&e, ERR_DIGEST, "is %d", 1), -1);
	ck_assert_int_eq(err_wrap(&e, "file %s", "x"), -1);
	ck_assert_str_eq(e.text, "file x: is 1");
	ck_assert_int_eq(e.code, ERR_DIGEST);
}
END_TEST

START_TEST(err__nobody_has_to_want_to_know)
{
	ck_assert_int_eq(err_set(NULL, ERR_SYS, "x"), -1);
	ck_assert_int_eq(err_sys(NULL, "x"), -1);
	ck_assert_int_eq(err_wrap(NULL, "x"), -1);
}
END_TEST

void
err_tests(TCase *c)
{
	tcase_add_test(c, err_sys__has_the_reason_behind_and_a_code_to_decide_by);
	tcase_add_test(c, err__a_text_that_is_too_long_is_cut_and_keeps_the_reason);
	tcase_add_test(c, err_wrap__puts_in_front_and_keeps_the_code);
	tcase_add_test(c, err__nobody_has_to_want_to_know);
}
