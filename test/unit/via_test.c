/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "via.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

#define A "guts2d-0123456789abcdef"
#define B "guts2d-00000000000000bb"

START_TEST(via_read__finds_servers_between_proxies)
{
	static const struct {
		const char *value;
		enum via_verdict verdict;
		const char *kept;
	} rows[] = {{NULL, VIA_GOOD, ""}, {"", VIA_GOOD, ""},
		{"1.1 squid (squid/5.7)", VIA_GOOD, ""}, {"1.1 " B, VIA_GOOD, "1.1 " B},
		{"1.0 squid, 1.1 " B ", 1.1 x", VIA_GOOD, "1.1 " B},
		{"1.1 " B ",1.1 " A, VIA_LOOP, "1.1 " B ", 1.1 " A},
		{"1.1 " A " (comment)", VIA_LOOP, "1.1 " A}, {"1.1 " A "0", VIA_GOOD, ""},
		{"1.1 guts2d-0123456789ABCDEF", VIA_GOOD, ""}, {A, VIA_GOOD, ""},
		{",,,", VIA_GOOD, ""}};
	char kept[VIA_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(
			via_read(rows[i].value, A, kept) == rows[i].verdict, "%s", rows[i].value);
		ck_assert_str_eq(kept, rows[i].kept);
	}
}
END_TEST

START_TEST(via_add__eight_servers_are_the_end)
{
	char via[VIA_MAX] = "";
	char more[VIA_MAX];
	char id[VIA_ID + 1];

	for (unsigned char i = 1; i <= VIA_HOPS_MAX; i++) {
		ck_assert_int_eq(via_read(via, A, more), VIA_GOOD);
		(void)via_add(more, via_id((unsigned char[8]){0, 0, 0, 0, 0, 0, 0, i}, id), via);
	}
	ck_assert_int_eq(via_read(via, A, more), VIA_LONG);
	ck_assert_str_eq(more, via);
	(void)via_add(more, A, via);
	ck_assert_int_eq(via_read(via, A, more), VIA_LOOP);
	ck_assert_uint_eq(strlen(id), VIA_ID);
}
END_TEST

void
via_tests(TCase *c)
{
	tcase_add_test(c, via_read__finds_servers_between_proxies);
	tcase_add_test(c, via_add__eight_servers_are_the_end);
}
