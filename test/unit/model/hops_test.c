/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/hops.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "unit.h"

#define A "guts2d-0123456789abcdef"
#define B "guts2d-00000000000000bb"

START_TEST(hops_read__finds_servers_between_proxies)
{
	static const struct {
		const char *value;
		enum hops_verdict verdict;
		const char *kept;
	} rows[] = {{NULL, HOPS_GOOD, ""}, {"", HOPS_GOOD, ""},
		{"1.1 squid (squid/5.7)", HOPS_GOOD, ""}, {"1.1 " B, HOPS_GOOD, "1.1 " B},
		{"1.0 squid, 1.1 " B ", 1.1 x", HOPS_GOOD, "1.1 " B},
		{"1.1 " B ",1.1 " A, HOPS_LOOP, "1.1 " B ", 1.1 " A},
		{"1.1 " A, HOPS_LOOP, "1.1 " A},
		{"1.1 " A ", 1.1 " B, HOPS_LOOP, "1.1 " A ", 1.1 " B},
		{"1.1 " B ", 1.1 " A ", 1.0 squid", HOPS_LOOP, "1.1 " B ", 1.1 " A},
		{"1.0 " A "\t,1.1 " B, HOPS_LOOP, "1.1 " A ", 1.1 " B}, {"1.2 " A, HOPS_GOOD, ""},
		{"1.1 guts2d-0123456789abcde", HOPS_GOOD, ""},
		{"1.1 guts2x-0123456789abcdef", HOPS_GOOD, ""},
		{"1.1 " A " (comment)", HOPS_LOOP, "1.1 " A}, {"1.1 " A "0", HOPS_GOOD, ""},
		{"1.1 guts2d-0123456789ABCDEF", HOPS_GOOD, ""}, {A, HOPS_GOOD, ""},
		{",,,", HOPS_GOOD, ""}};
	char kept[HOPS_TEXT_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(
			hops_read(rows[i].value, A, kept) == rows[i].verdict, "%s", rows[i].value);
		ck_assert_str_eq(kept, rows[i].kept);
	}
}
END_TEST

START_TEST(hops_add__eight_servers_are_the_end)
{
	char via[HOPS_TEXT_MAX] = "";
	char more[HOPS_TEXT_MAX];
	char id[HOPS_ID + 1];

	for (unsigned char i = 1; i <= HOPS_MAX; i++) {
		ck_assert_int_eq(hops_read(via, A, more), HOPS_GOOD);
		(void)hops_add(more, hops_id((unsigned char[8]){0, 0, 0, 0, 0, 0, 0, i}, id), via);
	}
	ck_assert_int_eq(hops_read(via, A, more), HOPS_LONG);
	ck_assert_str_eq(more, via);
	(void)hops_add(more, A, via);
	ck_assert_int_eq(hops_read(via, A, more), HOPS_LOOP);
	/* However many there are, no more is kept than has room. */
	AUTO_FREE char *twice = mem_printf("%s, %s", via, via);
	ck_assert_int_eq(hops_read(twice, B, more), HOPS_LONG);
	ck_assert_uint_lt(strlen(more), HOPS_TEXT_MAX - HOPS_ID);
	/* We are behind all of these, and it is the loop that is told. */
	ck_assert_int_eq(hops_read(twice, A, more), HOPS_LOOP);
	ck_assert_uint_eq(strlen(id), HOPS_ID);
}
END_TEST

void
hops_tests(TCase *c)
{
	tcase_add_test(c, hops_read__finds_servers_between_proxies);
	tcase_add_test(c, hops_add__eight_servers_are_the_end);
}
