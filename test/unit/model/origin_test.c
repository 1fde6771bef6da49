/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/origin.h"

#include "unit.h"

START_TEST(origins_parse__refuses_what_is_no_base_url)
{
	static const char *const bad[] = {"", "host", "ftp://host/", "http://", "http://user@host/",
		"http://user:pw@host/", "file://host/x", "http://host/a?b", "http://host/a#b",
		"HTTP://host", "http://host:", "http://host:0", "http://host:65536", "http://[::1",
		"http://host:1x", "http://h\xc3\xa4st", "http://a%41", "http://[a]x",
		"http://[::g]", "http://a,", "http://a,,http://b", "http://a,http://a/",
		"http://a\nb"};
	static const char *const good[] = {"http://host", "https://host:1/x/", "http://[::1]:80",
		"file:///srv/guts2", "http://host/a@b", "http://a,https://a,file:///a"};
	struct origins list;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e;

		ck_assert_msg(origins_parse(bad[i], &list, &e) == -1, "%s", bad[i]);
		ck_assert_int_eq(e.code, ERR_INPUT);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_msg(origins_parse(good[i], &list, NULL) == 0, "%s", good[i]);
		origins_free(&list);
	}
}
END_TEST

START_TEST(origin_location_target__stays_on_the_server_and_below_the_base)
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
	struct origin o;
	struct target target;

	ck_assert_int_eq(origin_parse("http://host:8080/guts2/", &o, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(origin_location_target(&o, rows[i].location, &target) == rows[i].ok,
			"%s", rows[i].location);
	origin_free(&o);
}
END_TEST

START_TEST(origin_parse__takes_scheme_host_and_port_apart)
{
	static const struct {
		const char *url;
		enum origin_scheme scheme;
		const char *host;
		unsigned port;
		const char *base;
	} rows[] = {{"http://Host/", ORIGIN_HTTP, "host", 80, "http://Host"},
		{"https://a.b:8443/x/", ORIGIN_HTTPS, "a.b", 8443, "https://a.b:8443/x"},
		{"https://[fe80::1]", ORIGIN_HTTPS, "fe80::1", 443, "https://[fe80::1]"},
		{"http://[::1]:81/p", ORIGIN_HTTP, "::1", 81, "http://[::1]:81/p"},
		{"file:///srv/", ORIGIN_FILE, "", 0, "file:///srv"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct origin o;

		ck_assert_msg(origin_parse(rows[i].url, &o, NULL) == 0, "%s", rows[i].url);
		ck_assert_int_eq(o.scheme, rows[i].scheme);
		ck_assert_str_eq(o.host, rows[i].host);
		ck_assert_uint_eq(o.port, rows[i].port);
		ck_assert_str_eq(o.base, rows[i].base);
		origin_free(&o);
	}
}
END_TEST

void
origin_tests(TCase *c)
{
	tcase_add_test(c, origin_parse__takes_scheme_host_and_port_apart);
	tcase_add_test(c, origins_parse__refuses_what_is_no_base_url);
	tcase_add_test(c, origin_location_target__stays_on_the_server_and_below_the_base);
}
