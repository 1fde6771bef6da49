/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread that fetches whatever is asked for, from two clouds. */
#include "cloud/fetcher.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cloud/cloud.h"
#include "logged.h"
#include "net/answers.h"
#include "unit.h"

static const char *const only_2[FORMAT_COUNT] = {[FORMAT_AR2] = "GUTS2AR2"};

static struct cloud c;
static struct fetcher *fetcher;

static void
start(void)
{
	struct err e = {0};

	ck_assert_msg(fetcher_start(&c.pool.parts, &fetcher, &e) == 0, "%s", e.text);
}

static void
tear_down(void)
{
	jobs_stop(c.k.jobs);
	fetcher_stop(fetcher);
	kept_settle(&c.k);
	fetcher_free(fetcher);
	cloud_tear_down(&c);
}

/* It is asked for, and has ended. */
static enum job_state
fetched(const struct job_spec *spec)
{
	enum job_state state;

	ck_assert(jobs_ask(c.k.jobs, spec, NULL).coming);
	fetcher_wake(fetcher);
	while ((state = jobs_look(c.k.jobs, spec).state) == JOB_QUEUED || state == JOB_RUNNING)
		(void)sched_yield();
	return state;
}

static bool
is_here(enum record_kind kind, const struct job_spec *spec)
{
	struct record r = {
		.kind = kind, .ident = spec->ident, .base = spec->base, .format = spec->format};
	struct view *view = stock_view(c.k.stock);
	bool here = view_find_same(view, &r) != NULL;

	view_release(view);
	return here;
}

START_TEST(fetcher__fetches_all_that_may_be_asked_for)
{
	const struct job_spec query = {.kind = JOB_QUERY};
	struct job_spec spec = {.ident = {"t", {5, "00000005"}}, .format = FORMAT_AR2};

	cloud_set_up(&c);
	logged_begin();
	cloud_put(&c, 0, "q",
		"{\"updates\":[{\"cookie\":\"00000005\",\"type\":\"t\",\"version\":5}]}");
	cloud_put_header(&c, 0, &spec.ident);
	cloud_put_archive(&c, 0, "GUTS2AR2", "GUTS2AR2");
	cloud_put_offer(&c, 0, &spec, only_2);
	start();
	ck_assert_int_eq(fetched(&query), JOB_NONE);
	ck_assert_str_eq(kept_announced(&c.k), "t/5 ");
	spec.kind = JOB_HEADER;
	ck_assert_int_eq(fetched(&spec), JOB_NONE);
	ck_assert(is_here(RECORD_HEADER, &spec));
	spec.kind = JOB_PRICE;
	ck_assert_int_eq(fetched(&spec), JOB_KNOWN);
	spec.kind = JOB_OFFER;
	ck_assert_int_eq(fetched(&spec), JOB_NONE);
	ck_assert(is_here(RECORD_ARCHIVE, &spec));
	/* What nobody asked for comes too. */
	spec.base = (struct edition){4, "00000004"};
	cloud_put_offer(&c, 0, &spec, only_2);
	spec.wish_of = 1;
	ck_assert_int_eq(fetched(&spec), JOB_NONE);
	ck_assert(is_here(RECORD_ARCHIVE, &spec));
	tear_down();
}
END_TEST

START_TEST(fetcher__an_announcement_is_whole_again_when_it_is_to_be_forgotten)
{
	static const char announces[] =
		"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Type: application/json\r\n"
		"Connection: close\r\n\r\n"
		"{\"updates\":[{\"cookie\":\"00000005\",\"type\":\"t\",\"version\":5}]}";
	static const char way[] = "\r\nVia: 1.1 guts2d-below, 1.1 guts2d-0123456789abcdef\r\n";
	const struct job_spec query = {.kind = JOB_QUERY};
	struct answers a;

	cloud_set_up(&c);
	logged_begin();
	answers_begin(&a);
	cloud_set_url(&c, mem_printf("http://127.0.0.1:%u", a.port));
	start();
	answers_say(&a, announces, NULL);
	fetcher_note_via(fetcher, "1.1 guts2d-below");
	ck_assert_int_eq(fetched(&query), JOB_NONE);
	ck_assert_ptr_nonnull(strstr(answers_asked(&a), way));
	ck_assert_int_eq(fetched(&query), JOB_NONE);
	ck_assert_ptr_nonnull(strstr(answers_asked(&a), "If-None-Match: \"e\"\r\n"));
	ck_assert_ptr_null(strstr(answers_asked(&a), way));
	announce_policy(c.k.announce);
	ck_assert_int_eq(fetched(&query), JOB_NONE);
	ck_assert_ptr_null(strstr(answers_asked(&a), "If-None-Match"));
	tear_down();
	answers_end(&a);
}
END_TEST

/* An offer is asked for as far as its client knows the formats, a price in all of them. */
START_TEST(fetcher__asks_for_the_formats_that_are_of_use)
{
	static const struct {
		enum job_kind kind;
		enum format format;
		bool second;
	} rows[] = {{JOB_OFFER, FORMAT_AR1, false}, {JOB_OFFER, FORMAT_AR2, true},
		{JOB_PRICE, FORMAT_AR1, true}};
	struct answers a;

	cloud_set_up(&c);
	logged_begin();
	answers_begin(&a);
	cloud_set_url(&c, mem_printf("http://127.0.0.1:%u", a.port));
	start();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct job_spec spec = {.kind = rows[i].kind,
			.ident = {"t", {5, "00000005"}},
			.base = {i + 1, "00000004"},
			.format = rows[i].format};

		answers_say(&a, "HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n", NULL);
		ck_assert_int_eq(fetched(&spec), JOB_ABSENT);
		ck_assert_msg((strstr(answers_asked(&a), "application/x-guts2ar2") != NULL) ==
				      rows[i].second,
			"row %zu: %s", i, answers_asked(&a));
	}
	tear_down();
	answers_end(&a);
}
END_TEST

START_TEST(fetcher_start__says_why_it_cannot)
{
	struct err e = {0};
	char *any;

	cloud_set_up(&c);
	any = c.k.options.upstreamMaxBytesPerSecond;
	c.k.options.upstreamMaxBytesPerSecond = (char *)(uintptr_t) "fast";
	fetcher = NULL;
	ck_assert_int_eq(fetcher_start(&c.pool.parts, &fetcher, &e), -1);
	ck_assert_ptr_null(fetcher);
	c.k.options.upstreamMaxBytesPerSecond = any;
	unit_no_threads();
	cloud_set_url(&c, mem_string("http://127.0.0.1:9/"));
	e = (struct err){0};
	ck_assert_int_eq(fetcher_start(&c.pool.parts, &fetcher, &e), -1);
	ck_assert_int_eq((int)e.code, ERR_SYS);
	ck_assert_str_eq(e.text, "cannot start a thread");
	ck_assert_ptr_null(fetcher);
	cloud_tear_down(&c);
}
END_TEST

void
fetcher_tests(TCase *t)
{
	tcase_add_test(t, fetcher__fetches_all_that_may_be_asked_for);
	tcase_add_test(t, fetcher__an_announcement_is_whole_again_when_it_is_to_be_forgotten);
	tcase_add_test(t, fetcher__asks_for_the_formats_that_are_of_use);
	tcase_add_test(t, fetcher_start__says_why_it_cannot);
}
