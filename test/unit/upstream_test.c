/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream.h"

#include "ident.h"
#include "unit.h"

START_TEST(upstream_new__refuses_what_is_no_base_url)
{
	static const char *const bad[] = {"", "host", "ftp://host/", "http://", "http://user@host/",
		"http://user:pw@host/", "file://host/x", "http://host/a?b", "http://host/a#b",
		"HTTP://host"};
	static const char *const good[] = {"http://host", "https://host:1/x/", "http://[::1]:80",
		"file:///srv/guts2", "http://host/a@b"};
	struct upstream *u;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(upstream_new(bad[i], &u, NULL) == -1, "%s", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_msg(upstream_new(good[i], &u, NULL) == 0, "%s", good[i]);
		upstream_free(u);
	}
}
END_TEST

START_TEST(upstream_location_target__stays_on_the_server_and_below_the_base)
{
	static const struct {
		const char *location;
		bool ok;
	} rows[] = {{"/guts2/o;t=t;v=1;c=00000000", true},
		{"http://host:8080/guts2/o;t=t;v=1;c=00000000", true},
		{"http://host:8080/o;t=t;v=1;c=00000000", false},
		{"http://host/guts2/o;t=t;v=1;c=00000000", false},
		{"http://host:8080.evil/guts2/o;t=t;v=1;c=00000000", false},
		{"https://host:8080/guts2/o;t=t;v=1;c=00000000", false},
		{"//host:8080/guts2/o;t=t;v=1;c=00000000", false}, {"o;t=t;v=1;c=00000000", false},
		{"/login", false}, {"", false}};
	struct upstream *u;
	struct target target;

	ck_assert_int_eq(upstream_new("http://host:8080/guts2/", &u, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(upstream_location_target(u, rows[i].location, &target) == rows[i].ok,
			"%s", rows[i].location);
	upstream_free(u);
}
END_TEST

void
upstream_tests(TCase *c)
{
	tcase_add_test(c, upstream_new__refuses_what_is_no_base_url);
	tcase_add_test(c, upstream_location_target__stays_on_the_server_and_below_the_base);
}
