/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes of a fetch by what the server above answers. */
#include <stdlib.h>

#include "base/mem.h"
#include "cloud/cloud.h"
#include "logged.h"
#include "net/answers.h"
#include "unit.h"

static const struct job_spec query = {.kind = JOB_QUERY};
static const struct job_spec header = {.kind = JOB_HEADER, .ident = {"t", {5, "00000005"}}};

/* The first server above is one that answers what the test says, and the second a directory. */
static void
set_up_two(struct cloud *c, struct answers *a, bool second)
{
	cloud_set_up(c);
	answers_begin(a);
	cloud_set_url(c, mem_printf("http://127.0.0.1:%u%s%s", a->port, second ? ",file://" : "",
				 second ? c->path[1] : ""));
	upstreams_free(c->pool.upstreams);
	c->pool.upstreams = upstreams_new(&c->k.options);
	logged_begin();
}

static void
set_up(struct cloud *c, struct answers *a)
{
	set_up_two(c, a, false);
}

static void
tear_down(struct cloud *c, struct answers *a)
{
	cloud_tear_down(c);
	answers_end(a);
}

#define PREPARING(reason)                                                                          \
	"HTTP/1.1 503 x\r\nRetry-After: 7\r\nContent-Type: application/json\r\nConnection: "       \
	"close\r\n\r\n{\"error\":\"preparing\",\"reason\":\"" reason "\",\"progress\":null,"       \
	"\"retry_after\":7}"

START_TEST(fetch_header__what_is_prepared_above_is_waited_for_as_long_as_it_says)
{
	static const struct {
		const char *answer;
		enum job_state state;
		enum job_reason reason;
		uint64_t retry_ms;
		bool complains;
	} rows[] = {{PREPARING("building"), JOB_FAILED, JOB_BUILDING, 7000, false},
		{PREPARING("downloading"), JOB_FAILED, JOB_DOWNLOADING, 7000, false},
		{PREPARING("busy"), JOB_FAILED, JOB_DOWNLOADING, 7000, false},
		{PREPARING("upstream-unavailable"), JOB_FAILED, JOB_UPSTREAM_UNAVAILABLE, 7000,
			false},
		{"HTTP/1.1 503 x\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n", JOB_FAILED,
			JOB_UPSTREAM_UNAVAILABLE, 9000, true},
		{"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n", JOB_ABSENT, 0, 0, false},
		{"HTTP/1.1 508 x\r\nContent-Length: 0\r\n\r\n", JOB_FAILED,
			JOB_UPSTREAM_UNAVAILABLE, 0, true}};

	unit_clock_stop();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct job_look look;
		struct answers a;
		struct cloud c;

		set_up(&c, &a);
		answers_say(&a, rows[i].answer, NULL);
		look = cloud_fetch(&c, &header);
		ck_assert_msg(look.state == rows[i].state, "row %zu: %d", i, look.state);
		if (look.state == JOB_FAILED) {
			ck_assert_msg(look.reason == rows[i].reason, "row %zu: %d", i, look.reason);
			if (rows[i].retry_ms > 0)
				ck_assert_uint_eq(look.retry_in_ms, rows[i].retry_ms);
		}
		ck_assert_msg(
			(strstr(logged(), "event=download-failed") != NULL) == rows[i].complains,
			"row %zu", i);
		ck_assert_uint_eq(a.requests, 1);
		tear_down(&c, &a);
	}
}
END_TEST

START_TEST(fetch_header__who_prepares_it_for_ever_is_left_for_the_next)
{
	struct answers a;
	struct cloud c;

	unit_clock_stop();
	set_up_two(&c, &a, true);
	cloud_put_header(&c, 1, &header.ident);
	answers_say(&a, PREPARING("downloading"), NULL);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(cloud_fetch(&c, &header).reason, JOB_DOWNLOADING);
		unit_clock_advance_ms(i == 0 ? 599999 : 1);
	}
	ck_assert_int_eq(cloud_fetch(&c, &header).state, JOB_NONE);
	ck_assert_uint_eq(a.requests, 3);
	tear_down(&c, &a);
}
END_TEST

START_TEST(fetch_query__one_of_which_something_waits_is_looked_at_once_more_though_unchanged)
{
	static const struct edition full = {0, ""};
	AUTO_IDENTS struct idents announced = {0};
	struct job *waits[2];
	struct answers a;
	struct cloud c;

	set_up(&c, &a);
	kept_put_channels(&c.k, "{\"types\":{\"t\":{\"prefetch\":true}}}");
	ck_assert(settings_reload(c.k.settings));
	idents_add(&announced, &(struct ident){"t", {4, "00000000"}});
	ck_assert_int_eq(stock_put_query(c.k.stock, &announced, false, NULL), 0);
	(void)kept_put(&c.k, 4, &full, FORMAT_AR2);
	answers_say(&a,
		"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 58\r\nConnection: close\r\n\r\n"
		"{\"updates\":[{\"cookie\":\"00000005\",\"type\":\"t\",\"version\":5}]}",
		NULL);
	ck_assert_int_eq(cloud_fetch(&c, &query).state, JOB_NONE);
	ck_assert_str_eq(kept_announced(&c.k), "t/4 ");
	ck_assert_str_eq(c.pool.upstreams->at[0].query_etag, "");
	waits[0] = jobs_take(c.k.jobs, QUEUE_ARCHIVES);
	waits[1] = jobs_take(c.k.jobs, QUEUE_METADATA);
	for (int i = 0; i < 2; i++)
		jobs_absent(c.k.jobs, waits[i]);
	kept_settle(&c.k);
	ck_assert_str_eq(kept_announced(&c.k), "t/5 ");
	(void)kept_taken(&c.k, QUEUE_METADATA); /* its header, which is asked for now */
	ck_assert_int_eq(cloud_fetch(&c, &query).state, JOB_NONE);
	ck_assert_str_eq(c.pool.upstreams->at[0].query_etag, "\"e\"");
	tear_down(&c, &a);
}
END_TEST

START_TEST(fetch_query__who_asks_to_be_left_alone_is_asked_for_nothing_before)
{
	struct job_look look;
	struct answers a;
	struct cloud c;

	unit_clock_stop();
	set_up(&c, &a);
	answers_say(&a, "HTTP/1.1 503 x\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n", NULL);
	look = cloud_fetch(&c, &query);
	ck_assert(look.state == JOB_FAILED && look.reason == JOB_UPSTREAM_UNAVAILABLE);
	ck_assert_uint_ge(look.retry_in_ms, 9000);
	ck_assert_uint_le(look.retry_in_ms, 9001);
	look = cloud_fetch(&c, &header);
	ck_assert(look.state == JOB_FAILED && look.retry_in_ms == 9001);
	ck_assert_uint_eq(a.requests, 1);
	tear_down(&c, &a);
	/* After failures in a row it is left alone without having asked for that. */
	set_up(&c, &a);
	c.pool.upstreams->at[0].breaker.threshold = 1;
	answers_say(&a, "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n", NULL);
	ck_assert_uint_eq(cloud_fetch(&c, &query).retry_in_ms, c.k.options.upstreamFailureHold + 1);
	tear_down(&c, &a);
}
END_TEST

START_TEST(fetch_query__what_has_not_changed_stays_and_is_asked_anew_for_another_policy)
{
	static const char announces[] =
		"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Type: application/json\r\n"
		"Connection: close\r\n\r\n"
		"{\"updates\":[{\"cookie\":\"00000005\",\"type\":\"t\",\"version\":5}]}";
	static const char unchanged[] = "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n";
	struct answers a;
	struct cloud c;

	set_up(&c, &a);
	answers_say(&a, announces, unchanged);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(cloud_fetch(&c, &query).state, JOB_NONE);
		ck_assert_str_eq(kept_announced(&c.k), "t/5 ");
		ck_assert_str_eq(c.pool.upstreams->at[0].query_etag, "\"e\"");
	}
	ck_assert_uint_eq(a.requests, 2);
	ck_assert_ptr_nonnull(strstr(a.asked.at, "If-None-Match: \"e\"\r\n"));
	tear_down(&c, &a);
}
END_TEST

START_TEST(fetch_header__a_loop_that_a_client_made_up_is_no_loop)
{
	static const char found[] =
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
		"{\"cookie\":\"00000005\",\"files\":[],\"title\":\"\",\"type\":\"t\",\"version\":"
		"5}";
	struct job_spec spec = header;
	struct answers a;
	struct cloud c;
	const char *said;

	unit_clock_stop();
	set_up(&c, &a);
	spec.via = "1.1 made-up";
	for (int i = 0; i < 3; i++) {
		answers_say(&a, "HTTP/1.1 508 x\r\nConnection: close\r\n\r\n", found);
		ck_assert_int_eq(cloud_fetch(&c, &spec).state, JOB_NONE);
		ck_assert_uint_eq(a.requests, 2);
		ck_assert_ptr_nonnull(
			strstr(a.asked.at, "\r\nVia: 1.1 guts2d-0123456789abcdef\r\n"));
		/* It is said every ten seconds. */
		said = strstr(logged(), "event=loop path=\"1.1 made-up, 1.1 guts2d-"
					"0123456789abcdef\" id=guts2d-0123456789abcdef reason=");
		ck_assert_int_eq(said != NULL, i != 1);
		unit_clock_advance_ms(i == 0 ? 9999 : 1);
	}
	tear_down(&c, &a);
}
END_TEST

void
fetch_answers_tests(TCase *c)
{
	tcase_add_test(c, fetch_header__what_is_prepared_above_is_waited_for_as_long_as_it_says);
	tcase_add_test(c, fetch_header__who_prepares_it_for_ever_is_left_for_the_next);
	tcase_add_test(c, fetch_query__who_asks_to_be_left_alone_is_asked_for_nothing_before);
	tcase_add_test(
		c, fetch_query__what_has_not_changed_stays_and_is_asked_anew_for_another_policy);
	tcase_add_test(c, fetch_header__a_loop_that_a_client_made_up_is_no_loop);
	tcase_add_test(c,
		fetch_query__one_of_which_something_waits_is_looked_at_once_more_though_unchanged);
}
