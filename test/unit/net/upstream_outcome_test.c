/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an answer comes to, by its status, its fields and its bytes. */
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/asker.h"
#include "unit.h"

#define EMPTY "Content-Length: 0\r\n\r\n"
#define ANSWER(status, fields) "HTTP/1.1 " status " X\r\n" fields EMPTY
#define PREPARING "{\"error\":\"preparing\",\"reason\":\"why\"}"

START_TEST(upstream__each_status_has_its_outcome_and_says_why)
{
	static const struct {
		const char *answer;
		enum upstream_outcome outcome;
		enum err_code code;
		const char *words;
	} rows[] = {
		{ANSWER("200", ""), UPSTREAM_FRESH, ERR_NONE, ""},
		{ANSWER("201", ""), UPSTREAM_BROKEN, ERR_INPUT, "answered 201"},
		{ANSWER("206", ""), UPSTREAM_BROKEN, ERR_INPUT, "answered 206"},
		{ANSWER("299", "Location: /a\r\n"), UPSTREAM_BROKEN, ERR_INPUT, "answered 299"},
		{ANSWER("300", "Location: /a\r\n"), UPSTREAM_BROKEN, ERR_INPUT,
			"answered 300, a redirect to /a"},
		{ANSWER("301", "Location: /a\r\n"), UPSTREAM_MOVED, ERR_INPUT,
			"answered 301, a redirect to /a"},
		{ANSWER("301", ""), UPSTREAM_BROKEN, ERR_INPUT,
			"answered 301, a redirect to nowhere"},
		{ANSWER("302", "Location: /a\r\n"), UPSTREAM_BROKEN, ERR_INPUT,
			"answered 302, a redirect to /a"},
		{ANSWER("304", ""), UPSTREAM_BROKEN, ERR_INPUT, "answered 304"},
		{ANSWER("399", "Location: /a\r\n"), UPSTREAM_BROKEN, ERR_INPUT,
			"answered 399, a redirect to /a"},
		{ANSWER("400", "Location: /a\r\n"), UPSTREAM_REFUSED, ERR_INPUT, "answered 400"},
		{ANSWER("403", ""), UPSTREAM_REFUSED, ERR_INPUT, "answered 403"},
		{ANSWER("404", ""), UPSTREAM_ABSENT, ERR_MISSING, "answered 404"},
		{ANSWER("407", ""), UPSTREAM_UNREACHABLE, ERR_SYS,
			"answered 407: a proxy on the way wants a user, and none is named here"},
		{ANSWER("410", ""), UPSTREAM_ABSENT, ERR_MISSING, "answered 410"},
		{ANSWER("429", ""), UPSTREAM_BUSY, ERR_BUSY, "answered 429"},
		{ANSWER("499", ""), UPSTREAM_REFUSED, ERR_INPUT, "answered 499"},
		{ANSWER("500", ""), UPSTREAM_BROKEN, ERR_INPUT, "answered 500"},
		{ANSWER("503", ""), UPSTREAM_BUSY, ERR_BUSY, "answered 503"},
		{ANSWER("508", ""), UPSTREAM_BROKEN, ERR_INPUT,
			"answered 508: the servers form a loop, or too long a chain"},
	};
	struct asker a;

	asker_set_up(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(asker_ask(&a, rows[i].answer, NULL) == rows[i].outcome, "%s: %d, %s",
			rows[i].answer, (int)a.reply.outcome, a.reply.why.text);
		ck_assert_int_eq(a.reply.why.code, rows[i].code);
		if (rows[i].code != ERR_NONE)
			ck_assert_str_eq(a.reply.why.text, rows[i].words);
		ck_assert_int_eq(a.reply.status, atoi(rows[i].answer + 9));
		ck_assert_int_eq(a.reply.step, UPSTREAM_ANSWER);
		ck_assert_uint_eq(answers_requests(&a.answers), 1);
	}
	asker_tear_down(&a);
}
END_TEST

START_TEST(upstream__unchanged_is_what_was_asked_for_with_a_condition)
{
	struct asker a;

	asker_set_up(&a);
	a.request.if_none_match = "\"7\"";
	ck_assert_int_eq(asker_ask(&a, ANSWER("304", "ETag: \"7\"\r\n"), NULL), UPSTREAM_UNCHANGED);
	ck_assert_str_eq(a.reply.etag, "\"7\"");
	ck_assert_int_eq(asker_ask(&a, ANSWER("305", ""), NULL), UPSTREAM_BROKEN);
	asker_tear_down(&a);
}
END_TEST

/* A server of this kind says so, and is asked again; any other is left alone. */
START_TEST(upstream__a_503_is_preparing_only_where_its_body_says_so)
{
	static const struct {
		const char *status;
		const char *body;
		size_t len;
		enum upstream_outcome outcome;
		const char *reason;
		const char *words;
	} rows[] = {
		{"503", PREPARING, 0, UPSTREAM_PREPARING, "why",
			"answered 503: it is not ready there: why"},
		{"503", "{\"error\":\"preparing\"}", 0, UPSTREAM_PREPARING, "",
			"answered 503: it is not ready there"},
		{"503", PREPARING, 512, UPSTREAM_PREPARING, "why",
			"answered 503: it is not ready there: why"},
		{"503", PREPARING, 513, UPSTREAM_BUSY, "", "answered 503"},
		{"429", PREPARING, 0, UPSTREAM_BUSY, "", "answered 429"},
		{"503", "{\"error\":\"other\"}", 0, UPSTREAM_BUSY, "", "answered 503"},
		{"503", "{\"reason\":\"why\"}", 0, UPSTREAM_BUSY, "", "answered 503"},
		{"503", "preparing", 0, UPSTREAM_BUSY, "", "answered 503"},
	};
	struct asker a;

	asker_set_up(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = rows[i].len > 0 ? rows[i].len : strlen(rows[i].body);
		AUTO_FREE char *answer = mem_printf(
			"HTTP/1.1 %s X\r\nContent-Length: %zu\r\n\r\n%s%*s", rows[i].status, len,
			rows[i].body, (int)(len - strlen(rows[i].body)), "");

		ck_assert_msg(asker_ask(&a, answer, NULL) == rows[i].outcome, "%zu: %d %s", i,
			(int)a.reply.outcome, a.reply.why.text);
		ck_assert_int_eq(a.reply.why.code, ERR_BUSY);
		ck_assert_str_eq(a.reply.why.text, rows[i].words);
		ck_assert_str_eq(a.reply.reason, rows[i].reason);
		ck_assert_uint_eq(a.got.len, 0);
	}
	asker_tear_down(&a);
}
END_TEST

START_TEST(upstream__is_left_alone_for_an_hour_at_the_most)
{
	static const struct {
		const char *answer;
		uint32_t retry_after_s;
	} rows[] = {{ANSWER("503", "Retry-After: 5\r\n"), 5}, {ANSWER("429", ""), 0},
		{ANSWER("503", "Retry-After: 1\r\n"), 1},
		{ANSWER("503", "Retry-After: 3599\r\n"), 3599},
		{ANSWER("503", "Retry-After: 3601\r\n"), 3600},
		{ANSWER("503", "Retry-After: Fri, 01 Jan 2021 00:00:00 GMT\r\n"), 0}};
	struct asker a;

	asker_set_up(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(asker_ask(&a, rows[i].answer, NULL), UPSTREAM_BUSY);
		ck_assert_uint_eq(a.reply.retry_after_s, rows[i].retry_after_s);
	}
	asker_tear_down(&a);
}
END_TEST

START_TEST(upstream__what_was_packed_on_the_way_is_refused)
{
	static const struct {
		const char *answer;
		enum upstream_outcome outcome;
	} rows[] = {{"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\na",
			    UPSTREAM_BROKEN},
		{ANSWER("200", "Content-Encoding: gzip\r\n"), UPSTREAM_BROKEN},
		{ANSWER("200", "Content-Encoding: IDENTITY\r\n"), UPSTREAM_FRESH}};
	struct asker a;

	asker_set_up(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(asker_ask(&a, rows[i].answer, NULL), rows[i].outcome);
		ck_assert_uint_eq(a.got.len, 0);
		ck_assert(rows[i].outcome == UPSTREAM_FRESH ||
			  (a.reply.why.code == ERR_INPUT &&
				  strstr(a.reply.why.text, "Content-Encoding: gzip, which")));
	}
	asker_tear_down(&a);
}
END_TEST

/* Bytes in a wrong place would be found by the digest, after the whole download. */
START_TEST(upstream__a_file_goes_on_only_with_the_range_that_was_asked_for)
{
	static const struct {
		const char *head;
		const char *body;
		enum upstream_outcome outcome;
		unsigned restarts;
	} rows[] = {
		{"206 X\r\nContent-Range: bytes 4-9/10", "456789", UPSTREAM_FRESH, 0},
		{"206 X\r\ncontent-range:BYTES 4-9/10", "456789", UPSTREAM_FRESH, 0},
		{"206 X\r\nContent-Range: bytes 3-9/10", "456789", UPSTREAM_BROKEN, 0},
		{"206 X\r\nContent-Range: items 4-9/10", "456789", UPSTREAM_BROKEN, 0},
		{"206 X", "456789", UPSTREAM_BROKEN, 0},
		{"206 X\r\nX-Content-Range: bytes 4-9/10", "456789", UPSTREAM_BROKEN, 0},
		{"100 X\r\nContent-Range: bytes 4-9/10\r\n\r\nHTTP/1.1 206 X", "456789",
			UPSTREAM_BROKEN, 0},
		{"200 X", "0123456789", UPSTREAM_FRESH, 1},
		{"200 X", "456789", UPSTREAM_BROKEN, 1},
		{"200 X", "", UPSTREAM_BROKEN, 1},
		{"416 X", "?", UPSTREAM_REFUSED, 0},
	};
	struct asker a;

	asker_set_up(&a);
	a.request.resume_from = 4;
	a.request.max_bytes = 10;
	a.request.exact = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *answer = mem_printf("HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s",
			rows[i].head, strlen(rows[i].body), rows[i].body);

		ck_assert_msg(asker_ask(&a, answer, NULL) == rows[i].outcome, "%s: %d %s", answer,
			(int)a.reply.outcome, a.reply.why.text);
		ck_assert_ptr_nonnull(strstr(answers_asked(&a.answers), "\r\nRange: bytes=4-\r\n"));
		ck_assert_uint_eq(a.restarts, rows[i].restarts);
		if (rows[i].outcome == UPSTREAM_FRESH)
			ck_assert_str_eq(a.got.at, rows[i].body);
		else if (rows[i].restarts == 0)
			ck_assert_uint_eq(a.got.len, 0);
	}
	/* It cannot forget what is there. */
	(void)err_set(&a.refusal, ERR_SYS, "no");
	ck_assert_int_eq(asker_ask(&a, "HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n01", NULL),
		UPSTREAM_BROKEN);
	ck_assert_str_eq(a.reply.why.text, "no");
	ck_assert(upstream_failed_here(&a.reply));
	ck_assert_int_eq(asker_ask(&a, ANSWER("200", ""), NULL), UPSTREAM_BROKEN);
	ck_assert_str_eq(a.reply.why.text, "no");
	asker_tear_down(&a);
}
END_TEST

START_TEST(upstream__who_does_not_answer_to_the_end_may_another_time)
{
	static const struct {
		const char *answer;
		const char *scheme;
		enum upstream_outcome outcome;
		enum upstream_step step;
		const char *words; /* the first */
	} rows[] = {
		{"", "http", UPSTREAM_UNREACHABLE, UPSTREAM_ANSWER, "Server returned nothing"},
		{"HTTP/1.1 200 X\r\nContent-Length: 9\r\nConnection: close\r\n\r\nabc", "http",
			UPSTREAM_UNREACHABLE, UPSTREAM_ANSWER, "Transferred a partial file"},
		{"HELLO\r\n\r\n", "http", UPSTREAM_BROKEN, UPSTREAM_ANSWER, "Received HTTP/0.9"},
		{"HELLO\r\n\r\n", "https", UPSTREAM_UNREACHABLE, UPSTREAM_TLS, ""},
	};
	struct asker a;

	asker_set_up(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		asker_set_url(&a, rows[i].scheme);
		ck_assert_msg(asker_ask(&a, rows[i].answer, "") == rows[i].outcome, "%zu %d %s", i,
			(int)a.reply.outcome, a.reply.why.text);
		ck_assert_msg(strncmp(a.reply.why.text, rows[i].words, strlen(rows[i].words)) == 0,
			"%s", a.reply.why.text);
		ck_assert_msg(
			a.reply.step == rows[i].step, "%d %s", (int)a.reply.step, a.reply.why.text);
		ck_assert_int_eq(
			a.reply.why.code, rows[i].outcome == UPSTREAM_BROKEN ? ERR_INPUT : ERR_SYS);
	}
	asker_tear_down(&a);
}
END_TEST

START_TEST(upstream__who_does_not_listen_is_not_connected_to)
{
	struct asker a;

	asker_set_up(&a);
	(void)shutdown(a.answers.fd, SHUT_RDWR);
	ck_assert_int_eq(asker_ask(&a, NULL, NULL), UPSTREAM_UNREACHABLE);
	ck_assert_int_eq(a.reply.step, UPSTREAM_CONNECT);
	ck_assert_str_eq(a.reply.why.text, "Couldn't connect to server");
	ck_assert_str_eq(a.reply.address, "");
	asker_tear_down(&a);
}
END_TEST

START_TEST(upstream__a_failure_is_this_machines_or_theirs_and_some_pass)
{
	static const struct {
		enum upstream_outcome outcome;
		bool may_recover;
	} rows[] = {{UPSTREAM_FRESH, false}, {UPSTREAM_UNCHANGED, false}, {UPSTREAM_ABSENT, false},
		{UPSTREAM_MOVED, false}, {UPSTREAM_REFUSED, true}, {UPSTREAM_PREPARING, true},
		{UPSTREAM_BUSY, true}, {UPSTREAM_UNREACHABLE, true}, {UPSTREAM_BROKEN, true}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert(upstream_may_recover(rows[i].outcome) == rows[i].may_recover);
		for (int code = ERR_NONE; code <= ERR_STOPPED; code++) {
			struct upstream_reply reply = {.outcome = rows[i].outcome};

			reply.why.code = (enum err_code)code;
			ck_assert(upstream_failed_here(&reply) ==
				  (rows[i].outcome == UPSTREAM_BROKEN &&
					  (code == ERR_FULL || code == ERR_SYS)));
		}
	}
}
END_TEST

void
upstream_outcome_tests(TCase *c)
{
	tcase_add_test(c, upstream__each_status_has_its_outcome_and_says_why);
	tcase_add_test(c, upstream__unchanged_is_what_was_asked_for_with_a_condition);
	tcase_add_test(c, upstream__a_503_is_preparing_only_where_its_body_says_so);
	tcase_add_test(c, upstream__is_left_alone_for_an_hour_at_the_most);
	tcase_add_test(c, upstream__what_was_packed_on_the_way_is_refused);
	tcase_add_test(c, upstream__a_file_goes_on_only_with_the_range_that_was_asked_for);
	tcase_add_test(c, upstream__who_does_not_answer_to_the_end_may_another_time);
	tcase_add_test(c, upstream__who_does_not_listen_is_not_connected_to);
	tcase_add_test(c, upstream__a_failure_is_this_machines_or_theirs_and_some_pass);
}
