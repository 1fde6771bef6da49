/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/admin_address.h"

#include "unit.h"

START_TEST(admin_address_parse__takes_what_the_manual_says)
{
	static const struct {
		const char *text;
		struct admin_address is;
	} rows[] = {
		{"", {ADMIN_ADDRESS_OWN, "", 0, false}},
		{"off", {ADMIN_ADDRESS_OFF, "", 0, false}},
		{"/run/guts2d/admin", {ADMIN_ADDRESS_SOCKET, "", 0, false}},
		{"127.0.0.1:8081", {ADMIN_ADDRESS_PORT, "127.0.0.1", 8081, true}},
		{"127.9.9.9:0", {ADMIN_ADDRESS_PORT, "127.9.9.9", 0, true}},
		{"[::1]:1", {ADMIN_ADDRESS_PORT, "::1", 1, true}},
		{"0.0.0.0:80", {ADMIN_ADDRESS_PORT, "0.0.0.0", 80, false}},
		{"[::]:80", {ADMIN_ADDRESS_PORT, "::", 80, false}},
		{"[fe80::1]:65535", {ADMIN_ADDRESS_PORT, "fe80::1", 65535, false}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct admin_address got;
		struct err e = {0};

		ck_assert_msg(admin_address_parse(rows[i].text, &got, &e) == 0, "%s: %s",
			rows[i].text, e.text);
		ck_assert_msg(got.kind == rows[i].is.kind && got.port == rows[i].is.port &&
				      got.loopback == rows[i].is.loopback,
			"%s", rows[i].text);
		ck_assert_str_eq(got.host, rows[i].is.host);
	}
}
END_TEST

START_TEST(admin_address_parse__refuses_what_could_mean_something_else)
{
	static const char *const texts[] = {"on", "OFF", "8081", ":8081", "127.0.0.1", "[::1]",
		"::1:8081", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 1",
		"localhost:8081", "[127.0.0.1]:1", "[]:1", "]:1", "admin.socket", "127.1:1",
		"[::1]x:1", "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd]:1"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct admin_address got;
		struct err e = {0};

		ck_assert_msg(admin_address_parse(texts[i], &got, &e) == -1, "%s", texts[i]);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_str_eq(
			e.text, "must be off, the absolute path of a socket, or ADDRESS:PORT");
	}
}
END_TEST

void
admin_address_tests(TCase *c)
{
	tcase_add_test(c, admin_address_parse__takes_what_the_manual_says);
	tcase_add_test(c, admin_address_parse__refuses_what_could_mean_something_else);
}
