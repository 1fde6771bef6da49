/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The announcement and headers, from clouds that have them, do not, or have something else. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cache/announced.h"
#include "cloud/cloud.h"
#include "cloud/fetch_query.h"
#include "faults.h"
#include "logged.h"
#include "unit.h"

static const struct job_spec query = {.kind = JOB_QUERY};
static const struct job_spec header = {.kind = JOB_HEADER, .ident = {"t", {5, "00000005"}}};
static const char announces_5[] =
	"{\"updates\":[{\"cookie\":\"00000005\",\"type\":\"t\",\"version\":5}]}";

static void
put_wrong(struct cloud *c, int which)
{
	char name[IDENT_NAME_MAX];

	cloud_put(c, which, ident_header_name(&header.ident, name), "{\"cookie\":\"00000006\"}");
}

static bool
has_header(struct cloud *c)
{
	struct record r = {.kind = RECORD_HEADER, .ident = header.ident};
	struct view *view = stock_view(c->k.stock);
	bool here = view_find_same(view, &r) != NULL;

	view_release(view);
	return here;
}

START_TEST(fetch_header__what_the_first_cloud_has_is_here)
{
	struct cloud c;
	const char *said;

	cloud_set_up(&c);
	cloud_put_header(&c, 0, &header.ident);
	logged_begin();
	unit_clock_advance_ms(86400000); /* which is not the download's */
	ck_assert_int_eq(cloud_fetch(&c, &header).state, JOB_NONE);
	ck_assert(has_header(&c));
	said = logged();
	ck_assert_ptr_nonnull(strstr(said, "event=downloaded type=t version=5 cookie=00000005 "
					   "what=header bytes=66 received=66 ms="));
	ck_assert_uint_lt(strtoull(strstr(said, " ms=") + 4, NULL, 10), 86400000);
	ck_assert_ptr_null(strstr(said, "event=failover"));
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_header__what_no_cloud_has_is_absent_unless_it_is_announced)
{
	struct job_look look;
	struct cloud c;
	const char *said;

	cloud_set_up(&c);
	logged_begin();
	ck_assert_int_eq(cloud_fetch(&c, &header).state, JOB_ABSENT);
	ck_assert_ptr_nonnull(strstr(logged(), "event=absent name=\"h;t=t;v=5;c=00000005\"\n"));
	cloud_put(&c, 0, "q", announces_5);
	ck_assert_int_eq(cloud_fetch(&c, &query).state, JOB_NONE);
	(void)logged();
	look = cloud_fetch(&c, &header);
	ck_assert(look.state == JOB_FAILED && look.reason == JOB_UPSTREAM_UNAVAILABLE);
	ck_assert(look.retry_in_ms <= 1000);
	said = logged();
	ck_assert_ptr_nonnull(strstr(said, "event=download-failed name=\"h;t=t;v=5;c=00000005\" "
					   "reason=\"it is announced, and not there yet\""));
	/* The same reason is said once. */
	(void)cloud_fetch(&c, &header);
	ck_assert_ptr_null(strstr(logged(), "download-failed"));
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_header__who_delivers_something_wrong_is_asked_last)
{
	struct job_look look;
	struct cloud c;

	cloud_set_up(&c);
	put_wrong(&c, 0);
	cloud_put_header(&c, 1, &header.ident);
	logged_begin();
	look = cloud_fetch(&c, &header);
	ck_assert(look.state == JOB_FAILED && look.reason == JOB_UPSTREAM_UNAVAILABLE);
	ck_assert(!has_header(&c));
	ck_assert_int_eq(cloud_fetch(&c, &header).state, JOB_NONE);
	ck_assert(has_header(&c));
	cloud_tear_down(&c);
	/* Where all did, they are asked from the first on once more. */
	cloud_set_up(&c);
	put_wrong(&c, 0);
	put_wrong(&c, 1);
	(void)cloud_fetch(&c, &header);
	(void)cloud_fetch(&c, &header);
	cloud_put_header(&c, 0, &header.ident);
	ck_assert_int_eq(cloud_fetch(&c, &header).state, JOB_NONE);
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_header__a_disk_of_ours_is_nobodys_fault_above)
{
	struct job_look look;
	struct cloud c;

	cloud_set_up(&c);
	cloud_put_header(&c, 0, &header.ident);
	put_wrong(&c, 1);
	logged_begin();
	faults_begin(1);
	look = cloud_fetch(&c, &header);
	ck_assert(faults_stop());
	ck_assert(look.state == JOB_FAILED);
	c.k.options.cacheMaxBytes = 10;
	look = cloud_fetch(&c, &header);
	ck_assert(look.state == JOB_FAILED && look.reason == JOB_DISK_FULL);
	c.k.options.cacheMaxBytes = 0;
	ck_assert_int_eq(cloud_fetch(&c, &header).state, JOB_NONE);
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_header__where_one_cloud_is_lost_the_next_is_asked)
{
	struct job_look look;
	struct cloud c;
	const char *said;

	cloud_set_up(&c);
	cloud_put_header(&c, 1, &header.ident);
	cloud_lose(&c);
	logged_begin();
	ck_assert_int_eq(cloud_fetch(&c, &header).state, JOB_NONE);
	said = logged();
	said = strstr(said, "event=failover name=\"h;t=t;v=5;c=00000005\" from=file://");
	ck_assert_ptr_nonnull(said);
	ck_assert_ptr_nonnull(strstr(strstr(said, c.path[0]), c.path[1]));
	cloud_tear_down(&c);
	/* Where all of them are left alone, nothing is asked until the first may be. */
	cloud_set_up(&c);
	for (size_t i = 0; i < CLOUDS; i++)
		breaker_rest(&c.pool.upstreams->at[i].breaker, 0, UINT32_MAX);
	(void)logged();
	unit_clock_stop();
	look = cloud_fetch(&c, &header);
	ck_assert(look.state == JOB_FAILED && look.reason == JOB_UPSTREAM_UNAVAILABLE);
	ck_assert_uint_eq(look.retry_in_ms, upstreams_wait_ms(c.pool.upstreams) + 1);
	ck_assert_ptr_nonnull(
		strstr(logged(), "reason=\"every upstream is left alone for a while\""));
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_query__what_is_announced_there_is_announced_here)
{
	struct job_look look;
	struct cloud c;

	cloud_set_up(&c);
	cloud_put(&c, 0, "q", announces_5);
	logged_begin();
	ck_assert_int_eq(cloud_fetch(&c, &query).state, JOB_NONE);
	ck_assert_str_eq(kept_announced(&c.k), "t/5 ");
	cloud_put(&c, 0, "q", "<html>");
	look = cloud_fetch(&c, &query);
	ck_assert(look.state == JOB_NONE); /* the second says what it has */
	ck_assert_str_eq(kept_announced(&c.k), "");
	cloud_put(&c, 1, "q", "<html>");
	look = cloud_fetch(&c, &query);
	ck_assert(look.state == JOB_FAILED && look.reason == JOB_UPSTREAM_UNAVAILABLE);
	cloud_tear_down(&c);
}
END_TEST

/* Of a cloud that has a timestamp: n is how often it is told so far. */
static void
poll_and_count(struct cloud *c, unsigned n)
{
	static unsigned told;

	ck_assert_int_eq(cloud_fetch(c, &query).state, JOB_NONE);
	for (int i = 0; i < 20 && n > 0; i++)
		upstream_run(c->pool.upstream, 5);
	told = (n > 0 ? told : 0) + (strstr(logged(), "the upstream is signed") != NULL);
	ck_assert_uint_eq(told, n);
}

START_TEST(fetch_query__that_an_upstream_is_signed_is_told_once_where_no_root_is_pinned)
{
	struct cloud c;

	unit_clock_stop();
	cloud_set_up(&c);
	cloud_put(&c, 0, "q", announces_5);
	ck_assert_int_eq(mkdirat(c.dir[0], "tuf", 0755), 0);
	cloud_put(&c, 0, "tuf/timestamp.json", "{}");
	c.pool.signed_asked = false;
	c.pool.started_ms = clock_mono_ms();
	logged_begin();
	unit_clock_advance_ms(59999);
	poll_and_count(&c, 0);
	unit_clock_advance_ms(1);
	poll_and_count(&c, 1);
	unit_clock_advance_ms(86400000);
	poll_and_count(&c, 1);
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_query__one_that_could_not_be_stored_is_asked_for_again)
{
	struct job_look look;
	struct cloud c;

	cloud_set_up(&c);
	cloud_put(&c, 0, "q", announces_5);
	logged_begin();
	(void)snprintf(c.pool.upstreams->at[0].query_etag, 128, "old");
	faults_begin(2); /* the first is the line of the log */
	look = cloud_fetch(&c, &query);
	ck_assert(faults_stop());
	ck_assert(look.state == JOB_FAILED);
	ck_assert_str_eq(kept_announced(&c.k), "");
	ck_assert_str_eq(c.pool.upstreams->at[0].query_etag, "old");
	ck_assert_int_eq(cloud_fetch(&c, &query).state, JOB_NONE);
	ck_assert_str_eq(kept_announced(&c.k), "t/5 ");
	cloud_tear_down(&c);
}
END_TEST

/* What is remembered of the upstream, where it was asked under this number. */
START_TEST(fetch_query__is_conditional_as_long_as_nothing_was_forgotten)
{
	struct cloud c;
	struct fetch *f;

	cloud_set_up(&c);
	logged_begin();
	for (unsigned number = 0; number < 2; number++) {
		struct upstreams_one *u = &c.pool.upstreams->at[0];

		(void)snprintf(u->query_etag, sizeof(u->query_etag), "\"e\"");
		if (number == 1)
			announce_policy(c.k.announce);
		f = cloud_begin(&c, &query);
		ck_assert_int_eq(f->upstream, -1);
		ck_assert_int_eq(f->part, -1);
		ck_assert_int_eq(f->offered_by, -1);
		fetch_query(f);
		ck_assert_uint_eq(f->query_number, number);
		ck_assert((f->request.if_none_match != NULL) == (number == 0));
		while (jobs_look(c.k.jobs, &query).state == JOB_RUNNING)
			upstream_run(c.pool.upstream, 5);
		kept_settle(&c.k);
		ck_assert_uint_eq(u->query_number, number);
		ck_assert_str_eq(u->query_etag, "");
	}
	cloud_tear_down(&c);
}
END_TEST

/* It is on its way when something is forgotten: what it brings may be the very mistake. */
START_TEST(fetch_query__what_was_outdated_on_its_way_is_asked_for_once_more)
{
	struct cloud c;
	struct fetch *f;

	cloud_set_up(&c);
	cloud_put(&c, 0, "q", announces_5);
	logged_begin();
	f = cloud_begin(&c, &query);
	fetch_query(f);
	ck_assert_int_eq(announced_forget(&c.k, "t", 0, NULL), 0);
	while (jobs_look(c.k.jobs, &query).state == JOB_RUNNING)
		upstream_run(c.pool.upstream, 5);
	kept_settle(&c.k);
	ck_assert_str_eq(kept_announced(&c.k), "");
	ck_assert_str_eq(c.pool.upstreams->at[0].query_etag, "");
	ck_assert_int_eq(jobs_look(c.k.jobs, &query).state, JOB_QUEUED);
	ck_assert_int_eq(cloud_fetch(&c, &query).state, JOB_NONE);
	ck_assert_str_eq(kept_announced(&c.k), "t/5 ");
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_query__goes_on_with_the_way_of_who_polled_last_once)
{
	struct cloud c;

	cloud_set_up(&c);
	logged_begin();
	(void)snprintf(c.pool.query_via, sizeof(c.pool.query_via), "1.1 guts2d-below");
	for (int i = 0; i < 2; i++) {
		struct fetch *f = cloud_begin(&c, &query);

		fetch_query(f);
		ck_assert_str_eq(c.pool.query_via, "");
		ck_assert_str_eq(
			f->request.via, i == 0 ? "1.1 guts2d-below, 1.1 guts2d-0123456789abcdef"
					       : "1.1 guts2d-0123456789abcdef");
		while (jobs_look(c.k.jobs, &query).state == JOB_RUNNING)
			upstream_run(c.pool.upstream, 5);
		kept_settle(&c.k);
	}
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_header__who_was_left_alone_is_asked_when_its_time_has_come)
{
	struct cloud c;
	struct fetch *f;

	unit_clock_stop();
	cloud_set_up(&c);
	logged_begin();
	cloud_put(&c, 0, "q", announces_5);
	cloud_put(&c, 1, "q", "<html>");
	breaker_rest(&c.pool.upstreams->at[0].breaker, clock_mono_ms(), 1000);
	f = cloud_begin(&c, &query);
	fetch_query(f);
	/* Meanwhile the second is asked, and has nothing of use. */
	unit_clock_advance_ms(2000);
	while (jobs_look(c.k.jobs, &query).state == JOB_RUNNING)
		upstream_run(c.pool.upstream, 5);
	kept_settle(&c.k);
	ck_assert_str_eq(kept_announced(&c.k), "t/5 ");
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_header__all_that_delivered_something_wrong_are_remembered)
{
	struct cloud c;

	unit_clock_stop();
	cloud_set_up(&c);
	logged_begin();
	put_wrong(&c, 0);
	put_wrong(&c, 1);
	breaker_rest(&c.pool.upstreams->at[0].breaker, clock_mono_ms(), 1000);
	ck_assert_int_eq(cloud_fetch(&c, &header).state, JOB_FAILED);
	unit_clock_advance_ms(2000);
	ck_assert_int_eq(cloud_fetch(&c, &header).state, JOB_FAILED);
	/* They are asked from the first on once more. */
	cloud_put_header(&c, 0, &header.ident);
	ck_assert_int_eq(cloud_fetch(&c, &header).state, JOB_NONE);
	cloud_tear_down(&c);
}
END_TEST

void
fetch_document_tests(TCase *c)
{
	tcase_add_test(c, fetch_header__who_was_left_alone_is_asked_when_its_time_has_come);
	tcase_add_test(c, fetch_header__all_that_delivered_something_wrong_are_remembered);
	tcase_add_test(c, fetch_header__what_the_first_cloud_has_is_here);
	tcase_add_test(c, fetch_header__what_no_cloud_has_is_absent_unless_it_is_announced);
	tcase_add_test(c, fetch_header__who_delivers_something_wrong_is_asked_last);
	tcase_add_test(c, fetch_header__a_disk_of_ours_is_nobodys_fault_above);
	tcase_add_test(c, fetch_header__where_one_cloud_is_lost_the_next_is_asked);
	tcase_add_test(c, fetch_query__what_is_announced_there_is_announced_here);
	tcase_add_test(
		c, fetch_query__that_an_upstream_is_signed_is_told_once_where_no_root_is_pinned);
	tcase_add_test(c, fetch_query__one_that_could_not_be_stored_is_asked_for_again);
	tcase_add_test(c, fetch_query__is_conditional_as_long_as_nothing_was_forgotten);
	tcase_add_test(c, fetch_query__goes_on_with_the_way_of_who_polled_last_once);
	tcase_add_test(c, fetch_query__what_was_outdated_on_its_way_is_asked_for_once_more);
}
