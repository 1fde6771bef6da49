/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/proxy.h"

#include <string.h>

#include "unit.h"

static int
parse(const char *text, struct proxy *ret, struct err *e)
{
	return proxy_parse(span_of(text, strlen(text)), "FILE", ret, e);
}

START_TEST(proxy_parse__takes_what_administrators_write)
{
	static const struct {
		const char *text;
		const char *host;
		unsigned port;
		const char *user;
		const char *password;
	} rows[] = {{"http_proxy=http://proxy:3128/\n", "proxy", 3128, NULL, NULL},
		{"http_proxy=http://proxy:3128", "proxy", 3128, NULL, NULL},
		{"# a\r\n\r\n  http_proxy=http://10.0.0.1:80/  \r\n", "10.0.0.1", 80, NULL, NULL},
		{"http_proxy=http://[::1]:8080/", "::1", 8080, NULL, NULL},
		{"http_proxy=http://bob@p:1/", "p", 1, "bob", NULL},
		{"http_proxy=http://bob:@p:1/", "p", 1, "bob", ""},
		{"http_proxy=http://b%3Aob:a%40b%2f%25@p:1/", NULL, 0, NULL, NULL},
		{"http_proxy=http://bob:a%40b%2f%25%C3%A4@p:1/", "p", 1, "bob", "a@b/%\xc3\xa4"},
		{"http_proxy=http://dom%5Cbob:a:b@p:1/", "p", 1, "dom\\bob", "a:b"},
		{"http_proxy=\n", "", 0, NULL, NULL}, {"", "", 0, NULL, NULL}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct proxy p;
		int result = parse(rows[i].text, &p, NULL);

		ck_assert_msg(result == (rows[i].host == NULL ? -1 : 0), "%s", rows[i].text);
		if (rows[i].host == NULL)
			continue;
		ck_assert_pstr_eq(p.http.host, rows[i].host[0] != '\0' ? rows[i].host : NULL);
		ck_assert_uint_eq(p.http.port, rows[i].port);
		ck_assert_pstr_eq(p.http.user, rows[i].user);
		ck_assert_pstr_eq(p.http.password, rows[i].password);
		proxy_free(&p);
	}
}
END_TEST

START_TEST(proxy_parse__names_file_line_and_reason_and_never_the_password)
{
	static const struct {
		const char *text;
		const char *words;
	} rows[] = {
		{"http_proxy=http://a:1/\nhttp_proxy=http://b:1/", "FILE:2: http_proxy is there"},
		{"http_proxy=\nhttp_proxy=http://b:1/", "FILE:2: http_proxy is there"},
		{"http_proxy=\nhttp_proxy=", "FILE:2: http_proxy is there"},
		{"\nhttp_proxy=http://a:1/,http://b:1/", "FILE:2: http_proxy: names more than one"},
		{"http_proxy=http://a:1/ http://b:1/", "more than one"},
		{"ftp_proxy=http://a:1/", "FILE:1: unknown key"}, {"http_proxy", "key=value"},
		{"http_proxy=https://a:1/", "http://host:port"},
		{"http_proxy=a:1", "http://host:port"}, {"http_proxy=http://a/", "no port"},
		{"http_proxy=http://[::1]/", "no port"}, {"http_proxy=http://a:0/", "1 to 65535"},
		{"http_proxy=http://a:x/", "1 to 65535"}, {"http_proxy=http://:1/", "no host"},
		{"http_proxy=http://a:1/x", "behind host:port"},
		{"http_proxy=http://u:SECRET%4@a:1/", "%XX"},
		{"http_proxy=http://u:SECRET%@a:1/", "%XX"},
		{"http_proxy=http://u:SECRET%0a@a:1/", "%XX"},
		{"http_proxy=http://:SECRET@a:1/", "no user"},
		{"http_proxy=http://u:SEC/RET@a:1/", "%2F"},
		{"http_proxy=http://u:SEC@RET@a:1/", "%40"},
		{"http_proxi=http://u:SECRET@a:1/", "unknown key"},
		{"http_proxy=http://u:SECRET@a:99999/", "1 to 65535"},
		{"no_proxy=a/b", "no_proxy: 'a/b'"}, {"no_proxy=10.0.0.0/33", "no_proxy"},
		{"no_proxy=a\nno_proxy=b", "FILE:2: no_proxy is there"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct proxy p;
		struct err e = {0};

		ck_assert_msg(parse(rows[i].text, &p, &e) == -1, "%s", rows[i].text);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_msg(
			strstr(e.text, rows[i].words) != NULL, "%s: %s", rows[i].text, e.text);
		ck_assert_msg(strstr(e.text, "SEC") == NULL, "%s", e.text);
	}
}
END_TEST

START_TEST(proxy_for__goes_past_the_proxy_only_where_no_proxy_says_so)
{
	static const struct {
		const char *url;
		const char *host; /* NULL: directly */
	} rows[] = {{"http://cloud", "a"}, {"https://cloud", "b"}, {"http://x.example.com", NULL},
		{"http://example.com", NULL}, {"http://notexample.com", "a"},
		{"http://EXAMPLE.com", NULL}, {"http://example.com.", NULL},
		{"http://10.1.2.3", NULL}, {"https://11.1.2.3", "b"},
		{"http://192.168.1.127", NULL}, {"http://192.168.1.128", "a"},
		{"http://[fe80::1]", NULL}, {"http://[fec0::1]", "a"}, {"http://[::1]", NULL},
		{"http://inner", NULL}, {"file:///x", NULL}};
	struct proxy p;

	ck_assert_int_eq(
		parse("http_proxy=http://a:1/\nhttps_proxy=http://b:1/\n"
		      "no_proxy=example.com,10.0.0.0/8, 192.168.1.0/25,FE80::/10,[::1],.inner",
			&p, NULL),
		0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct proxy_server *s;
		struct origin o;

		ck_assert_int_eq(origin_parse(rows[i].url, &o, NULL), 0);
		s = proxy_for(&p, &o);
		ck_assert_msg((s == NULL) == (rows[i].host == NULL), "%s", rows[i].url);
		if (s != NULL)
			ck_assert_str_eq(s->host, rows[i].host);
		origin_free(&o);
	}
	proxy_free(&p);
}
END_TEST

START_TEST(proxy_for__one_proxy_is_for_both_schemes)
{
	static const char *const texts[] = {"http_proxy=http://a:1/", "https_proxy=http://a:1/"};
	static const char *const urls[] = {"http://cloud", "https://cloud"};

	for (int i = 0; i < 4; i++) {
		const struct proxy_server *s;
		struct proxy p;
		struct origin o;

		ck_assert_int_eq(parse(texts[i / 2], &p, NULL), 0);
		ck_assert_int_eq(origin_parse(urls[i % 2], &o, NULL), 0);
		s = proxy_for(&p, &o);
		ck_assert_ptr_nonnull(s);
		ck_assert_str_eq(s->host, "a");
		origin_free(&o);
		proxy_free(&p);
	}
}
END_TEST

START_TEST(proxy_server_format__is_read_back_as_it_was)
{
	struct proxy_server s = {
		.host = "p", .port = 3128, .user = "a b@c", .password = "x:/%#\xc3\xa4"};
	AUTO_BUF struct buf text = {0};
	struct proxy_server back;
	char name[80];

	proxy_server_format(&s, &text);
	ck_assert_int_eq(proxy_server_parse(text.at, &back, NULL), 0);
	ck_assert_str_eq(back.user, s.user);
	ck_assert_str_eq(back.password, s.password);
	proxy_server_name(&s, name, sizeof(name));
	ck_assert_str_eq(name, "http://p:3128");
	proxy_server_free(&back);
}
END_TEST

void
proxy_tests(TCase *c)
{
	tcase_add_test(c, proxy_parse__takes_what_administrators_write);
	tcase_add_test(c, proxy_parse__names_file_line_and_reason_and_never_the_password);
	tcase_add_test(c, proxy_for__goes_past_the_proxy_only_where_no_proxy_says_so);
	tcase_add_test(c, proxy_for__one_proxy_is_for_both_schemes);
	tcase_add_test(c, proxy_server_format__is_read_back_as_it_was);
}
