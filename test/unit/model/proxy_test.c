/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/proxy.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
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
		{"no_proxy=a\nno_proxy=b", "FILE:2: no_proxy is there"},
		{"no_proxy=10.0.0.0/x", "no_proxy"}, {"no_proxy=::/129", "no_proxy"},
		{"no_proxy=a,.", "no_proxy: '.'"}, {"no_proxy=a*", "no_proxy: 'a*'"},
		{"no_proxy=[a", "no_proxy: '[a'"},
		{"http_proxy=http://a:1/,http://b:1", "more than one"},
		{"http_proxy=http://a:1\thttp://b:1", "more than one"},
		{"http_proxy=http://a%3a:SECRET@a:1/", "a colon"},
		{"http_proxy=http://u:SECRET%g0@a:1/", "%XX"},
		{"http_proxy=http://u:SECRET%0g@a:1/", "%XX"},
		{"http_proxy=http://u:SECRET%7f@a:1/", "%XX"},
		{"http_proxy=http://u%:SECRET@a:1/", "%XX"}};

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

START_TEST(proxy_read__a_file_with_a_password_is_its_owners_alone)
{
	static const struct {
		const char *text; /* NULL: no file */
		mode_t mode;
		enum err_code code;
		const char *host;
	} rows[] = {{NULL, 0, ERR_NONE, NULL}, {"http_proxy=http://a:1/\n", 0644, ERR_NONE, "a"},
		{"http_proxy=http://u@a:1/\n", 0644, ERR_NONE, "a"},
		{"http_proxy=http://u:p@a:1/\n", 0600, ERR_NONE, "a"},
		{"http_proxy=http://u:p@a:1/\n", 0400, ERR_NONE, "a"},
		{"http_proxy=http://u:p@a:1/\n", 0640, ERR_INPUT, NULL},
		{"http_proxy=http://u:p@a:1/\n", 0601, ERR_INPUT, NULL},
		{"https_proxy=http://u:p@a:1/\n", 0604, ERR_INPUT, NULL},
		{"http_proxy=x\n", 0600, ERR_INPUT, NULL}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		AUTO_FREE char *file = mem_printf("%s/p", path);
		struct err e = {0};
		struct proxy p;

		if (rows[i].text != NULL) {
			ck_assert_int_eq(fs_put(dir, "x", "p", unit_text(rows[i].text), NULL), 0);
			ck_assert_int_eq(fchmodat(dir, "p", rows[i].mode, 0), 0);
		}
		ck_assert_int_eq(proxy_read(file, &p, &e), rows[i].code == ERR_NONE ? 0 : -1);
		ck_assert_int_eq(e.code, rows[i].code);
		ck_assert(rows[i].code == ERR_NONE || strncmp(e.text, file, strlen(file)) == 0);
		ck_assert_pstr_eq(p.http.host, rows[i].host);
		proxy_free(&p);
	}
}
END_TEST

START_TEST(proxy_read__is_bounded_and_wants_a_file)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_FREE char *file = mem_printf("%s/p", path);
	AUTO_FREE char *text = mem_new(PROXY_BYTES_MAX + 1, 1);
	struct err e = {0};
	struct proxy p;

	memset(text, '\n', PROXY_BYTES_MAX);
	ck_assert_int_eq(fs_put(dir, "x", "p", span_of(text, PROXY_BYTES_MAX - 1), NULL), 0);
	ck_assert_int_eq(proxy_read(file, &p, &e), 0);
	proxy_free(&p);
	ck_assert_int_eq(fs_put(dir, "x", "p", span_of(text, PROXY_BYTES_MAX), NULL), 0);
	ck_assert_int_eq(proxy_read(file, &p, &e), -1);
	ck_assert_int_eq(e.code, ERR_LIMIT);
	ck_assert_int_eq(proxy_read(path, &p, &e), -1); /* a directory */
	ck_assert_int_eq(e.code, ERR_SYS);
	/* What is below a file is not there. */
	(void)snprintf(text, PROXY_BYTES_MAX, "%s/p/p", path);
	ck_assert_int_eq(proxy_read(text, &p, &e), 0);
	ck_assert_int_eq(proxy_parse(span_of("#\0", 2), "FILE", &p, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_str_eq(e.text, "FILE: has a NUL byte");
}
END_TEST

START_TEST(proxy_bypasses__compares_addresses_with_networks_and_names_with_names)
{
	static const struct {
		const char *element;
		const char *host;
		bool past;
	} rows[] = {{"10.0.0.0/9", "10.127.0.1", true}, {"10.0.0.0/9", "10.128.0.1", false},
		{"10.0.0.1", "10.0.0.1", true}, {"10.0.0.1", "10.0.0.2", false},
		{"10.0.0.0/32", "10.0.0.0", true}, {"10.0.0.0/32", "10.0.0.1", false},
		{"0.0.0.0/0", "1.2.3.4", true}, {"0.0.0.0/0", "::1", false}, {"::/0", "::1", true},
		{"::/0", "1.2.3.4", false}, {"::/0", "host", false},
		{"fe80::1/128", "fe80::1", true}, {"fe80::1/128", "fe80::2", false},
		{"fe80::/127", "fe80::1", true}, {"fe80::/127", "fe80::2", false},
		{"host", "host", true}, {"host", "a.host", true}, {"host", "ahost", false},
		{".host", "host", true}, {".host", "a.host", true}, {"host", "host.", true},
		{"a.host", "host", false}, {"host", "hos", false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *text = mem_printf("no_proxy=x-y, %s", rows[i].element);
		struct proxy p;
		const char *by;

		ck_assert_int_eq(parse(text, &p, NULL), 0);
		by = proxy_bypasses(&p, rows[i].host);
		ck_assert_msg((by != NULL) == rows[i].past, "%s %s", rows[i].element, rows[i].host);
		ck_assert(by == NULL || strcmp(by, rows[i].element) == 0);
		proxy_free(&p);
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
	ck_assert_str_eq(text.at, "http://a%20b%40c:x%3A%2F%25%23%C3%A4@p:3128/");
	proxy_server_free(&back);
	s = (struct proxy_server){.host = "::1", .port = 1, .user = "a-._~Z9"};
	buf_clear(&text);
	proxy_server_format(&s, &text);
	ck_assert_str_eq(text.at, "http://a-._~Z9@[::1]:1/");
}
END_TEST

void
proxy_tests(TCase *c)
{
	tcase_add_test(c, proxy_parse__takes_what_administrators_write);
	tcase_add_test(c, proxy_parse__names_file_line_and_reason_and_never_the_password);
	tcase_add_test(c, proxy_read__a_file_with_a_password_is_its_owners_alone);
	tcase_add_test(c, proxy_read__is_bounded_and_wants_a_file);
	tcase_add_test(c, proxy_bypasses__compares_addresses_with_networks_and_names_with_names);
	tcase_add_test(c, proxy_for__goes_past_the_proxy_only_where_no_proxy_says_so);
	tcase_add_test(c, proxy_for__one_proxy_is_for_both_schemes);
	tcase_add_test(c, proxy_server_format__is_read_back_as_it_was);
}
