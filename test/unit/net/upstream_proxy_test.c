/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server that answers is a proxy: whoever is behind it has a name that nobody looks up. */
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "model/proxy.h"
#include "net/asker.h"
#include "unit.h"

struct fixture {
	struct asker a;
	struct proxy proxy;
};

static void
set_up(struct fixture *f, const char *user)
{
	AUTO_FREE char *text = NULL;

	asker_set_up(&f->a);
	text = mem_printf("http_proxy=http://%s127.0.0.1:%u/", user, f->a.answers.port);
	ck_assert_int_eq(proxy_parse(unit_text(text), "file", &f->proxy, NULL), 0);
	upstream_set_proxy(f->a.upstream, &f->proxy);
}

static void
set_url(struct fixture *f, const char *url)
{
	origin_free(&f->a.origin);
	ck_assert_int_eq(origin_parse(url, &f->a.origin, NULL), 0);
}

static void
tear_down(struct fixture *f)
{
	asker_tear_down(&f->a);
	proxy_free(&f->proxy);
}

/* The other connection has its turn. */
#define LAST "HTTP/1.1 200 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define ANSWER(status) "HTTP/1.1 " status " X\r\nContent-Length: 0\r\n\r\n"

START_TEST(upstream__a_failure_is_the_proxys_or_of_whoever_is_behind_it)
{
	static const struct {
		const char *url;
		const char *answer;
		enum upstream_outcome outcome;
		enum upstream_step step;
		const char *words; /* %s is the proxy; NULL: any */
	} rows[] = {
		{"http://cloud.invalid", ANSWER("200"), UPSTREAM_FRESH, UPSTREAM_ANSWER, ""},
		{"http://cloud.invalid", ANSWER("407"), UPSTREAM_UNREACHABLE, UPSTREAM_PROXY,
			"the proxy %s answered 407: it does not accept user and password"},
		{"http://cloud.invalid", ANSWER("404"), UPSTREAM_ABSENT, UPSTREAM_ANSWER,
			"answered 404 (through the proxy %s)"},
		{"http://cloud.invalid", "", UPSTREAM_UNREACHABLE, UPSTREAM_ANSWER,
			"proxy %s: Server returned nothing (no headers, no data)"},
		{"https://cloud.invalid", ANSWER("403"), UPSTREAM_UNREACHABLE, UPSTREAM_PROXY,
			"the proxy %s answered 403"},
		{"https://cloud.invalid", ANSWER("407"), UPSTREAM_UNREACHABLE, UPSTREAM_PROXY,
			"the proxy %s answered 407: it does not accept user and password"},
		{"https://cloud.invalid", "", UPSTREAM_UNREACHABLE, UPSTREAM_PROXY,
			"the proxy %s does not answer"},
		{"https://cloud.invalid", "HTTP/1.1 200 X\r\n\r\nHELLO\r\n\r\n",
			UPSTREAM_UNREACHABLE, UPSTREAM_TLS, NULL},
	};
	struct fixture f;
	AUTO_FREE char *name = NULL;

	set_up(&f, "");
	name = mem_printf("http://127.0.0.1:%u", f.a.answers.port);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct upstream_reply *r = &f.a.reply;
		const char *words = rows[i].words;
		const char *at = words != NULL ? strstr(words, "%s") : NULL;
		AUTO_BUF struct buf text = {0};

		buf_add(&text, words, at != NULL ? (size_t)(at - words) : 0);
		buf_add_string(&text, at != NULL ? name : "");
		buf_add_string(&text, at != NULL ? at + 2 : "");
		set_url(&f, rows[i].url);
		ck_assert_msg(asker_ask(&f.a, rows[i].answer, NULL) == rows[i].outcome, "%zu %d %s",
			i, (int)r->outcome, r->why.text);
		ck_assert_msg(r->step == rows[i].step, "%zu %d %s", i, (int)r->step, r->why.text);
		if (words != NULL)
			ck_assert_str_eq(r->why.text, text.at);
		if (r->outcome == UPSTREAM_UNREACHABLE)
			ck_assert_int_eq(r->why.code, ERR_SYS);
	}
	/* It listens no more. */
	(void)shutdown(f.a.answers.fd, SHUT_RDWR);
	ck_assert_int_eq(asker_ask(&f.a, "", NULL), UPSTREAM_UNREACHABLE);
	ck_assert_int_eq(f.a.reply.step, UPSTREAM_CONNECT);
	ck_assert_ptr_nonnull(strstr(f.a.reply.why.text, ": Couldn't connect to server"));
	ck_assert(strncmp(f.a.reply.why.text, "proxy http://127", 16) == 0);
	tear_down(&f);
}
END_TEST

START_TEST(upstream__a_proxy_is_told_whom_it_serves_and_no_field_of_ours)
{
	struct fixture f;

	set_up(&f, "");
	f.a.request.via = "1.1 us";
	set_url(&f, "http://cloud.invalid/a");
	(void)asker_ask(&f.a, LAST, NULL);
	ck_assert(strncmp(answers_asked(&f.a.answers), "GET http://cloud.invalid/a/x HTTP/1.1\r\n",
			  39) == 0);
	ck_assert_ptr_nonnull(strstr(answers_asked(&f.a.answers), "\r\nVia: 1.1 us\r\n"));
	set_url(&f, "https://cloud.invalid/a");
	(void)asker_ask(&f.a, ANSWER("403"), NULL);
	ck_assert(strncmp(answers_asked(&f.a.answers), "CONNECT cloud.invalid:443 HTTP/1.1\r\n",
			  36) == 0);
	ck_assert_ptr_null(strstr(answers_asked(&f.a.answers), "Via"));
	tear_down(&f);
}
END_TEST

START_TEST(upstream__user_and_password_are_shown_to_a_proxy_that_asks)
{
	static const struct {
		const char *user;
		const char *shown; /* base64 */
	} rows[] = {{"bob:secret@", "Basic Ym9iOnNlY3JldA=="}, {"bob@", "Basic Ym9iOg=="}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;

		set_up(&f, rows[i].user);
		set_url(&f, "http://cloud.invalid");
		ck_assert_int_eq(
			asker_ask(&f.a,
				"HTTP/1.1 407 X\r\nProxy-Authenticate: Basic realm=\"a\"\r\n"
				"Content-Length: 0\r\n\r\n",
				ANSWER("200")),
			UPSTREAM_FRESH);
		ck_assert_ptr_nonnull(strstr(answers_asked(&f.a.answers), rows[i].shown));
		ck_assert_ptr_null(strstr(answers_asked(&f.a.answers), "\r\nAuthorization"));
		tear_down(&f);
	}
}
END_TEST

START_TEST(upstream__the_environment_names_no_proxy_and_no_way_past_one)
{
	struct fixture f;

	set_up(&f, "");
	ck_assert_int_eq(setenv("no_proxy", "*", 1), 0);
	set_url(&f, "http://cloud.invalid");
	ck_assert_int_eq(asker_ask(&f.a, LAST, NULL), UPSTREAM_FRESH);
	ck_assert_int_eq(unsetenv("no_proxy"), 0);
	ck_assert_int_eq(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	upstream_set_proxy(f.a.upstream, NULL);
	asker_set_url(&f.a, "http");
	ck_assert_int_eq(asker_ask(&f.a, LAST, NULL), UPSTREAM_FRESH);
	tear_down(&f);
}
END_TEST

void
upstream_proxy_tests(TCase *c)
{
	tcase_add_test(c, upstream__a_failure_is_the_proxys_or_of_whoever_is_behind_it);
	tcase_add_test(c, upstream__a_proxy_is_told_whom_it_serves_and_no_field_of_ours);
	tcase_add_test(c, upstream__user_and_password_are_shown_to_a_proxy_that_asks);
	tcase_add_test(c, upstream__the_environment_names_no_proxy_and_no_way_past_one);
}
