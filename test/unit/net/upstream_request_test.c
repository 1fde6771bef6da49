/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is sent, how much may come, and how long it may take. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "net/asker.h"
#include "unit.h"

#define OK(len, body) "HTTP/1.1 200 X\r\nContent-Length: " len "\r\n\r\n" body

START_TEST(upstream__a_request_has_the_fields_that_were_asked_for)
{
	static const char *const all[] = {"\r\nAccept: a/b\r\n", "\r\nCache-Control: no-cache\r\n",
		"\r\nPrefer: wait=7\r\n", "\r\nVia: 1.1 us\r\n", "\r\nIf-None-Match: \"7\"\r\n",
		"\r\nRange: bytes=3-\r\n", "\r\nContent-Type: application/json\r\n"};
	struct asker a;

	asker_set_up(&a);
	for (size_t only = 0; only <= 7; only++) {
		a.request.accept = only == 0 ? "a/b" : NULL;
		a.request.fresh = only == 1;
		a.request.wait_s = only == 2 ? 7 : 0;
		a.request.via = only == 3 ? "1.1 us" : NULL;
		a.request.if_none_match = only == 4 ? "\"7\"" : only == 5 ? "" : NULL;
		a.request.resume_from = only == 5 ? 3 : 0;
		a.request.post_body = only == 6 ? "body" : NULL;
		(void)asker_ask(&a, OK("0", ""), NULL);
		ck_assert(strncmp(answers_asked(&a.answers),
				  only == 6 ? "POST /x HTTP/1.1\r\n" : "GET /x HTTP/1.1\r\n",
				  only == 6 ? 18 : 17) == 0);
		for (size_t i = 0; i < 7; i++)
			ck_assert_msg(
				(strstr(answers_asked(&a.answers), all[i]) != NULL) == (i == only),
				"%zu: %s", only, answers_asked(&a.answers));
		ck_assert_ptr_nonnull(
			strstr(answers_asked(&a.answers), "\r\nAccept-Encoding: identity\r\n"));
		ck_assert_ptr_nonnull(strstr(answers_asked(&a.answers), "\r\nUser-Agent: guts2d/"));
	}
	asker_tear_down(&a);
}
END_TEST

START_TEST(upstream__a_body_is_no_longer_than_it_may_be)
{
	static const struct {
		const char *answer;
		bool exact;
		enum upstream_outcome outcome;
		enum err_code code;
	} rows[] = {{OK("10", "0123456789"), false, UPSTREAM_FRESH, ERR_NONE},
		{OK("9", "012345678"), false, UPSTREAM_FRESH, ERR_NONE},
		{OK("11", "0123456789a"), false, UPSTREAM_BROKEN, ERR_LIMIT},
		{OK("10", "0123456789"), true, UPSTREAM_FRESH, ERR_NONE},
		{OK("9", "012345678"), true, UPSTREAM_BROKEN, ERR_INPUT},
		{OK("0", ""), true, UPSTREAM_BROKEN, ERR_INPUT},
		{OK("11", "0123456789a"), true, UPSTREAM_BROKEN, ERR_LIMIT},
		/* of a length that is not said */
		{"HTTP/1.1 200 X\r\n\r\n0123456789", true, UPSTREAM_FRESH, ERR_NONE},
		{"HTTP/1.1 200 X\r\n\r\n0123456789a", false, UPSTREAM_BROKEN, ERR_LIMIT},
		/* and the text of an error, which nobody has */
		{"HTTP/1.1 404 X\r\nContent-Length: 12\r\n\r\n0123456789ab", false, UPSTREAM_ABSENT,
			ERR_MISSING}};
	struct asker a;

	asker_set_up(&a);
	a.request.max_bytes = 10;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		a.request.exact = rows[i].exact;
		ck_assert_msg(asker_ask(&a, rows[i].answer, NULL) == rows[i].outcome, "row %zu: %s",
			i, a.reply.why.text);
		ck_assert_int_eq(a.reply.why.code, rows[i].code);
		ck_assert_uint_le(a.got.len, 10);
		if (rows[i].outcome == UPSTREAM_ABSENT)
			ck_assert_uint_eq(a.got.len, 0);
	}
	asker_tear_down(&a);
}
END_TEST

START_TEST(upstream__what_is_wanted_of_a_head_is_of_the_last_one)
{
	struct asker a;

	asker_set_up(&a);
	ck_assert_int_eq(asker_ask(&a,
				 "HTTP/1.1 103 X\r\nETag: \"1\"\r\nLocation: /1\r\n\r\n"
				 "HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n",
				 NULL),
		UPSTREAM_FRESH);
	ck_assert_str_eq(a.reply.etag, "");
	ck_assert_str_eq(a.reply.location, "");
	ck_assert_int_eq(asker_ask(&a,
				 "HTTP/1.1 200 X\r\neTAG:\t\"1\"  \r\nX-ETag: \"2\"\r\n"
				 "LOCATION: /1\r\nContent-Length: 0\r\n\r\n",
				 NULL),
		UPSTREAM_FRESH);
	ck_assert_msg(strncmp(a.reply.etag, "\"1\"", 3) == 0, "%s", a.reply.etag);
	ck_assert_str_eq(a.reply.location, "/1");
	ck_assert_ptr_nonnull(strstr(a.reply.address, "127.0.0.1 port "));
	asker_tear_down(&a);
}
END_TEST

START_TEST(upstream__a_head_without_end_is_refused)
{
	struct asker a;

	asker_set_up(&a);
	for (int i = 0; i < 2; i++) {
		AUTO_BUF struct buf answer = {0};
		static const char end[] = "Content-Length: 0\r\n\r\n";
		size_t wanted = 65536 + (size_t)i - strlen(end);

		buf_add_string(&answer, "HTTP/1.1 200 X\r\n");
		while (answer.len + 200 < wanted)
			buf_add_string(&answer, "X-Field: 0123456789012345678901234567890123456789"
						"012345678901234567890123456789\r\n");
		buf_add_string(&answer, "X: ");
		while (answer.len + 2 < wanted)
			buf_add_string(&answer, "x");
		buf_add_string(&answer, "\r\n");
		buf_add_string(&answer, end);
		ck_assert_msg(asker_ask(&a, answer.at, NULL) ==
				      (i == 0 ? UPSTREAM_FRESH : UPSTREAM_BROKEN),
			"%zu bytes: %s", answer.len, a.reply.why.text);
		ck_assert_int_eq(a.reply.why.code, i == 0 ? ERR_NONE : ERR_LIMIT);
	}
	asker_tear_down(&a);
}
END_TEST

START_TEST(upstream__a_connection_is_used_again_but_for_one_alone)
{
	struct asker a;

	asker_set_up(&a);
	for (unsigned alone = 0; alone <= 1; alone++) {
		asker_set_url(&a, "http");
		a.request.alone = alone;
		ck_assert_int_eq(asker_ask(&a, OK("0", ""), NULL), UPSTREAM_FRESH);
		ck_assert_int_eq(asker_ask(&a, OK("0", ""), NULL), UPSTREAM_FRESH);
		ck_assert_uint_eq(answers_connections(&a.answers), alone);
		/* The server has one connection at a time. */
		ck_assert_int_eq(
			asker_ask(&a,
				"HTTP/1.1 200 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
				NULL),
			UPSTREAM_FRESH);
	}
	asker_tear_down(&a);
}
END_TEST

/* It may be the disk. */
START_TEST(upstream__what_cannot_be_written_ends_it_and_is_no_fault_of_theirs)
{
	static const enum err_code codes[] = {ERR_FULL, ERR_SYS, ERR_INPUT};
	struct asker a;

	asker_set_up(&a);
	for (size_t i = 0; i < 3; i++) {
		(void)err_set(&a.refusal, codes[i], "no");
		ck_assert_int_eq(asker_ask(&a, OK("2", "ab"), NULL), UPSTREAM_BROKEN);
		ck_assert_int_eq(a.reply.why.code, codes[i]);
		ck_assert_str_eq(a.reply.why.text, "no");
		ck_assert_int_eq(upstream_failed_here(&a.reply), codes[i] != ERR_INPUT);
	}
	asker_tear_down(&a);
}
END_TEST

START_TEST(upstream_run__comes_back_for_who_wakes_it)
{
	struct asker a;

	asker_set_up(&a);
	upstream_wake(a.upstream);
	upstream_run(a.upstream, 3600000);
	asker_tear_down(&a);
}
END_TEST

/* The caller may have more to start: it does not wait for what is not on its way any more. */
START_TEST(upstream_run__comes_back_as_soon_as_something_has_ended)
{
	struct asker a;

	asker_set_up(&a);
	asker_start(&a, OK("2", "ab"), NULL);
	while (!a.done)
		upstream_run(a.upstream, 3600000);
	ck_assert_int_eq(a.reply.outcome, UPSTREAM_FRESH);
	asker_tear_down(&a);
}
END_TEST

enum { PACED = 50000 };

/* How long PACED bytes take by that rate. */
static unsigned
paced_ms(struct asker *a, const struct buf *answer, const char *rate)
{
	struct pace_schedule schedule;
	unsigned ms = 0;

	ck_assert_int_eq(pace_parse(rate, &schedule, NULL), 0);
	upstream_set_schedule(a->upstream, &schedule);
	unit_clock_stop();
	asker_start(a, answer->at, NULL);
	for (int turn = 0; turn < 3 && !a->done; turn++)
		(void)asker_is_done(a);
	while (!a->done && ms < 60000) {
		unit_clock_advance_ms(250);
		ms += 250;
		(void)asker_is_done(a);
	}
	ck_assert(a->done && a->reply.outcome == UPSTREAM_FRESH);
	ck_assert_uint_eq(a->got.len, PACED);
	return ms;
}

static void
answer_paced(struct asker *a, const unsigned char *body, struct buf *ret)
{
	a->request.max_bytes = PACED;
	buf_printf(ret, "HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n", PACED);
	buf_add(ret, body, PACED);
}

/* Bytes come no faster than the rate, and as fast as it is. */
START_TEST(upstream__all_together_are_as_fast_as_they_may_be)
{
	static const struct {
		const char *rate;
		unsigned min_ms;
		unsigned max_ms;
	} rows[] = {{"16k", 2000, 3000}, {"32k", 1000, 1750}, {"0", 0, 0}};
	AUTO_BUF struct buf answer = {0};
	AUTO_FREE unsigned char *body = unit_bytes(PACED, 1);
	struct asker a;

	asker_set_up(&a);
	answer_paced(&a, body, &answer);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned ms = paced_ms(&a, &answer, rows[i].rate);

		ck_assert_mem_eq(a.got.at, body, PACED);
		ck_assert_msg(ms >= rows[i].min_ms && ms <= rows[i].max_ms, "%s: %u ms",
			rows[i].rate, ms);
	}
	asker_tear_down(&a);
}
END_TEST

/* Half a day from here: who counts by another clock is slow when it need not be. */
START_TEST(upstream__the_hours_of_a_rate_are_those_of_the_local_time)
{
	AUTO_BUF struct buf answer = {0};
	AUTO_FREE unsigned char *body = unit_bytes(PACED, 1);
	unsigned hour = (unsigned)(time(NULL) / 3600 % 24);
	AUTO_FREE char *by_day =
		mem_printf("16k@%02u:00-%02u:00,0", (hour + 8) % 24, (hour + 16) % 24);
	AUTO_FREE char *by_night =
		mem_printf("0@%02u:00-%02u:00,16k", (hour + 8) % 24, (hour + 16) % 24);
	struct asker a;

	ck_assert_int_eq(setenv("TZ", "HERE-12", 1), 0);
	tzset();
	asker_set_up(&a);
	answer_paced(&a, body, &answer);
	ck_assert_uint_ge(paced_ms(&a, &answer, by_day), 2000);
	ck_assert_uint_eq(paced_ms(&a, &answer, by_night), 0);
	asker_tear_down(&a);
}
END_TEST

/* A large one is not before a small one, which would wait for its end. */
START_TEST(upstream__who_shares_a_rate_comes_in_turn)
{
	AUTO_BUF struct buf answer = {0};
	AUTO_FREE unsigned char *body = unit_bytes(PACED, 1);
	struct pace_schedule schedule;
	struct asker a[2];
	struct upstream *own;

	asker_set_up(&a[0]);
	asker_set_up(&a[1]);
	answer_paced(&a[0], body, &answer);
	a[1].request.max_bytes = PACED;
	ck_assert_int_eq(pace_parse("16k", &schedule, NULL), 0);
	upstream_set_schedule(a[0].upstream, &schedule);
	unit_clock_stop();
	own = a[1].upstream;
	a[1].upstream = a[0].upstream;
	asker_start(&a[0], answer.at, NULL);
	asker_start(&a[1], answer.at, NULL);
	while (!a[0].done && !a[1].done) {
		unit_clock_advance_ms(250);
		(void)asker_is_done(&a[0]);
	}
	for (int i = 0; i < 2; i++)
		ck_assert_uint_gt(a[i].got.len, PACED / 2);
	asker_tear_down(&a[0]);
	a[1].upstream = own;
	asker_tear_down(&a[1]);
}
END_TEST

/* The clock goes on by so much while nothing comes. */
static bool
is_done_after(struct asker *a, unsigned seconds)
{
	for (unsigned s = 0; s < seconds; s++) {
		unit_clock_advance_ms(1000);
		upstream_run(a->upstream, 1);
	}
	return asker_is_done(a);
}

START_TEST(upstream__a_silence_ends_it_and_one_that_was_asked_for_later)
{
	struct asker a;

	asker_set_up(&a);
	for (unsigned wait_s = 0; wait_s <= 30; wait_s += 30) {
		a.request.wait_s = wait_s;
		asker_start(&a, NULL, NULL);
		ck_assert(!asker_is_done(&a));
		ck_assert(!is_done_after(&a, 17 + wait_s));
		ck_assert(is_done_after(&a, 8));
		ck_assert_int_eq(a.reply.outcome, UPSTREAM_UNREACHABLE);
		ck_assert_int_eq(a.reply.step, UPSTREAM_ANSWER);
		ck_assert_uint_ge(a.reply.elapsed_ms, (18 + wait_s) * 1000);
		ck_assert_uint_le(a.reply.elapsed_ms, (26 + wait_s) * 1000);
	}
	asker_tear_down(&a);
}
END_TEST

/* It listens, and takes nobody in: the kernel drops what more want to be than may wait. */
static int
listen_full(struct sockaddr_in *ret, int waiting[3])
{
	socklen_t len = sizeof(*ret);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	ck_assert_int_eq(bind(fd, (struct sockaddr *)ret, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)ret, &len), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	for (int i = 0; i < 3; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(waiting[i], (struct sockaddr *)ret, len);
	}
	return fd;
}

START_TEST(upstream__who_lets_nobody_in_is_given_up)
{
	AUTO_FREE char *url = NULL;
	struct sockaddr_in address;
	int waiting[3];
	struct asker a;
	int fd = listen_full(&address, waiting);

	asker_set_up(&a);
	url = mem_printf("http://127.0.0.1:%u", ntohs(address.sin_port));
	origin_free(&a.origin);
	ck_assert_int_eq(origin_parse(url, &a.origin, NULL), 0);
	asker_start(&a, NULL, NULL);
	ck_assert(!asker_is_done(&a));
	ck_assert(!is_done_after(&a, 8));
	ck_assert(is_done_after(&a, 4));
	ck_assert_int_eq(a.reply.outcome, UPSTREAM_UNREACHABLE);
	ck_assert_int_eq(a.reply.step, UPSTREAM_CONNECT);
	asker_tear_down(&a);
	for (int i = 0; i < 3; i++)
		fs_close(&waiting[i]);
	fs_close(&fd);
}
END_TEST

void
upstream_request_tests(TCase *c)
{
	tcase_add_test(c, upstream_run__comes_back_as_soon_as_something_has_ended);
	tcase_add_test(c, upstream__who_lets_nobody_in_is_given_up);
	tcase_add_test(c, upstream__a_request_has_the_fields_that_were_asked_for);
	tcase_add_test(c, upstream__a_body_is_no_longer_than_it_may_be);
	tcase_add_test(c, upstream__what_is_wanted_of_a_head_is_of_the_last_one);
	tcase_add_test(c, upstream__a_head_without_end_is_refused);
	tcase_add_test(c, upstream__a_connection_is_used_again_but_for_one_alone);
	tcase_add_test(c, upstream__what_cannot_be_written_ends_it_and_is_no_fault_of_theirs);
	tcase_add_test(c, upstream_run__comes_back_for_who_wakes_it);
	tcase_add_test(c, upstream__all_together_are_as_fast_as_they_may_be);
	tcase_add_test(c, upstream__who_shares_a_rate_comes_in_turn);
	tcase_add_test(c, upstream__the_hours_of_a_rate_are_those_of_the_local_time);
	tcase_add_test(c, upstream__a_silence_ends_it_and_one_that_was_asked_for_later);
}
