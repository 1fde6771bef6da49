/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/usage.h"

#include <stdio.h>

#include "unit.h"

static void
note(struct usage *u, unsigned client, const char *type, uint64_t version, uint64_t now_s)
{
	struct ident has = {.edition = {.version = version, .cookie = "0123abcd"}};
	char name[16];

	(void)snprintf(name, sizeof(name), "pc-%u", client);
	(void)snprintf(has.type, sizeof(has.type), "%s", type);
	usage_note(u, name, &has, -1, now_s);
}

START_TEST(usage_top__counts_clients_by_what_they_said_last)
{
	struct usage *u = usage_new();
	struct usage_version top[3];

	ck_assert_uint_eq(usage_top(u, "db", 100, top, 3), 0);
	for (unsigned i = 0; i < 60; i++)
		note(u, i, "db", i < 30 ? 7 : i < 50 ? 9 : 8, 100);
	for (unsigned i = 0; i < 25; i++)
		note(u, i, "db", 9, 200);
	note(u, 3, "engine", 5, 200);
	ck_assert_uint_eq(usage_top(u, "db", 300, top, 3), 3);
	ck_assert_uint_eq(top[0].edition.version, 9);
	ck_assert_uint_eq(top[1].edition.version, 8);
	ck_assert_uint_eq(top[2].edition.version, 7);
	ck_assert_str_eq(top[0].edition.cookie, "0123abcd");
	ck_assert_uint_eq(usage_top(u, "db", 300, top, 1), 1);
	ck_assert_uint_eq(usage_top(u, "engine", 300, top, 3), 1);
	usage_free(u);
}
END_TEST

START_TEST(usage_top__forgets_after_a_day)
{
	struct usage *u = usage_new();
	struct usage_version top[2];

	note(u, 1, "db", 7, 100);
	note(u, 2, "db", 8, 86000);
	ck_assert_uint_eq(usage_top(u, "db", 100 + 86400, top, 2), 2);
	ck_assert_uint_eq(usage_top(u, "db", 101 + 86400, top, 2), 1);
	ck_assert_uint_eq(top[0].edition.version, 8);
	usage_free(u);
}
END_TEST

START_TEST(usage_top__tells_the_formats_that_clients_ask_for)
{
	struct usage *u = usage_new();
	const struct ident has = {.type = "db", .edition = {.version = 7, .cookie = "0123abcd"}};
	struct usage_version top[1];

	usage_note(u, "a", &has, -1, 100);
	(void)usage_top(u, "db", 100, top, 1);
	ck_assert_uint_eq(top[0].formats, 1U << FORMAT_AR2); /* who says what it has knows all */
	usage_note(u, "a", &has, FORMAT_AR1, 101);
	usage_note(u, "a", &has, -1, 102); /* a poll says nothing of it */
	(void)usage_top(u, "db", 103, top, 1);
	ck_assert_uint_eq(top[0].formats, 1U << FORMAT_AR1);
	usage_note(u, "a", &has, FORMAT_AR2, 103); /* somebody else of this address */
	(void)usage_top(u, "db", 104, top, 1);
	ck_assert_uint_eq(top[0].formats, 1U << FORMAT_AR1 | 1U << FORMAT_AR2);
	usage_free(u);
}
END_TEST

START_TEST(usage_top__adds_up_clients_of_a_version_and_the_formats_that_they_want)
{
	struct usage *u = usage_new();
	const struct ident has = {.type = "db", .edition = {.version = 7, .cookie = "0123abcd"}};
	struct usage_version top[1];

	usage_note(u, "a", &has, FORMAT_AR1, 100);
	usage_note(u, "b", &has, FORMAT_AR2, 100);
	usage_note(u, "c", &has, FORMAT_AR1, 100);
	/* One of a newer version is fewer. */
	note(u, 1, "db", 9, 100);
	ck_assert_uint_eq(usage_top(u, "db", 100, top, 1), 1);
	ck_assert_uint_eq(top[0].edition.version, 7);
	ck_assert_uint_eq(top[0].formats, 1U << FORMAT_AR1 | 1U << FORMAT_AR2);
	usage_free(u);
	/* What was asked for is forgotten after a day, too. */
	u = usage_new();
	usage_note(u, "a", &has, FORMAT_AR1, 100);
	usage_note(u, "a", &has, -1, 200);
	(void)usage_top(u, "db", 100 + 86400, top, 1);
	ck_assert_uint_eq(top[0].formats, 1U << FORMAT_AR1);
	(void)usage_top(u, "db", 101 + 86400, top, 1);
	ck_assert_uint_eq(top[0].formats, 1U << FORMAT_AR2);
	usage_free(u);
}
END_TEST

void
usage_tests(TCase *c)
{
	tcase_add_test(c, usage_top__adds_up_clients_of_a_version_and_the_formats_that_they_want);
	tcase_add_test(c, usage_top__counts_clients_by_what_they_said_last);
	tcase_add_test(c, usage_top__forgets_after_a_day);
	tcase_add_test(c, usage_top__tells_the_formats_that_clients_ask_for);
}
