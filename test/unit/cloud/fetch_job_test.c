/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who downloads an archive and who waits for a place; nothing is asked of anybody. */
#include "cloud/fetch_job.h"

#include <stdio.h>

#include "unit.h"

static unsigned went_on;

static void
on_notify(void *context, enum job_queue queue)
{
	(void)context;
	(void)queue;
}

/* Its turn has come: it has its place. */
static void
go_on(struct fetch *f)
{
	went_on++;
	ck_assert(fetch_job_may_download(f));
}

/* Its turn has come, and there is no room on the disk. */
static void
go_on_in_vain(struct fetch *f)
{
	went_on++;
	ck_assert(fetch_job_may_download(f));
	fetch_job_later(f, JOB_BUSY, 1000);
}

static void
pool_set_up(struct fetch_pool *p)
{
	*p = (struct fetch_pool){
		.parts = {.id = "guts2d-0123456789abcdef", .jobs = jobs_new(on_notify, NULL)}};
	STAILQ_INIT(&p->waiting);
	went_on = 0;
}

static void
pool_tear_down(struct fetch_pool *p)
{
	while (!LIST_EMPTY(&p->all))
		fetch_job_later(LIST_FIRST(&p->all), JOB_BUSY, 1000);
	ck_assert(STAILQ_EMPTY(&p->waiting));
	jobs_free(p->parts.jobs);
}

/* A fetch of a type's next version that has come to its archive, at an upstream. */
static struct fetch *
begin(struct fetch_pool *p, char type, int upstream)
{
	static uint64_t version;
	struct job_spec spec = {.kind = JOB_OFFER, .ident = {.type = {type}}};
	struct fetch *f;
	struct job *job;

	spec.ident.edition = (struct edition){++version, "00000000"};
	(void)jobs_ask(p->parts.jobs, &spec, NULL);
	job = jobs_take(p->parts.jobs, QUEUE_ARCHIVES);
	ck_assert_ptr_nonnull(job);
	f = fetch_job_new(p, job);
	f->upstream = upstream;
	f->go_on = go_on;
	return f;
}

START_TEST(fetch_job__one_archive_more_than_come_at_a_time_waits_for_one_to_end)
{
	struct fetch *runs[FETCH_ARCHIVES_MAX];
	struct fetch_pool p;

	pool_set_up(&p);
	for (int i = 0; i < FETCH_ARCHIVES_MAX; i++) {
		runs[i] = begin(&p, (char)('a' + i), 0);
		ck_assert(fetch_job_may_download(runs[i]));
	}
	ck_assert(!fetch_job_may_download(begin(&p, 'x', 0)));
	ck_assert(!fetch_job_may_download(begin(&p, 'y', 0)));
	/* Another upstream has its own. */
	ck_assert(fetch_job_may_download(begin(&p, 'z', 1)));
	fetch_job_later(runs[0], JOB_BUSY, 1000);
	ck_assert_uint_eq(went_on, 1);
	ck_assert_str_eq(STAILQ_FIRST(&p.waiting)->job->spec.ident.type, "y");
	fetch_job_later(runs[1], JOB_BUSY, 1000);
	ck_assert_uint_eq(went_on, 2);
	pool_tear_down(&p);
}
END_TEST

START_TEST(fetch_job__archives_of_one_type_leave_places_for_others)
{
	struct fetch *runs[FETCH_ARCHIVES_OF_TYPE];
	struct fetch_pool p;
	struct fetch *other;

	pool_set_up(&p);
	for (int i = 0; i < FETCH_ARCHIVES_OF_TYPE; i++) {
		runs[i] = begin(&p, 'a', 0);
		ck_assert(fetch_job_may_download(runs[i]));
	}
	ck_assert(!fetch_job_may_download(begin(&p, 'a', 0)));
	other = begin(&p, 'b', 0);
	ck_assert(fetch_job_may_download(other));
	/* The place that this one leaves is none for who waits. */
	fetch_job_later(other, JOB_BUSY, 1000);
	ck_assert_uint_eq(went_on, 0);
	fetch_job_later(runs[0], JOB_BUSY, 1000);
	ck_assert_uint_eq(went_on, 1);
	pool_tear_down(&p);
}
END_TEST

START_TEST(fetch_job__who_has_no_use_for_its_place_hands_it_on)
{
	struct fetch *runs[FETCH_ARCHIVES_OF_TYPE];
	struct fetch_pool p;
	struct fetch *vain;

	pool_set_up(&p);
	for (int i = 0; i < FETCH_ARCHIVES_OF_TYPE; i++) {
		runs[i] = begin(&p, 'a', 0);
		ck_assert(fetch_job_may_download(runs[i]));
	}
	vain = begin(&p, 'a', 0);
	vain->go_on = go_on_in_vain;
	ck_assert(!fetch_job_may_download(vain));
	ck_assert(!fetch_job_may_download(begin(&p, 'a', 0)));
	fetch_job_later(runs[0], JOB_BUSY, 1000);
	ck_assert_uint_eq(went_on, 2);
	pool_tear_down(&p);
}
END_TEST

START_TEST(fetch_job__only_what_downloads_takes_a_place)
{
	struct fetch_pool p;

	pool_set_up(&p);
	/* They wait for their offers. */
	for (int i = 0; i < FETCH_ARCHIVES_OF_TYPE; i++)
		(void)begin(&p, 'a', 0);
	ck_assert(fetch_job_may_download(begin(&p, 'a', 0)));
	pool_tear_down(&p);
}
END_TEST

START_TEST(fetch_job__an_archive_that_goes_on_elsewhere_keeps_its_place)
{
	struct fetch *runs[FETCH_ARCHIVES_OF_TYPE];
	struct fetch_pool p;
	struct fetch *moved;

	pool_set_up(&p);
	for (int i = 0; i < FETCH_ARCHIVES_OF_TYPE; i++) {
		runs[i] = begin(&p, 'a', 1);
		ck_assert(fetch_job_may_download(runs[i]));
	}
	moved = begin(&p, 'a', 0);
	ck_assert(fetch_job_may_download(moved));
	moved->upstream = 1;
	ck_assert(fetch_job_may_download(moved));
	pool_tear_down(&p);
}
END_TEST

void
fetch_job_tests(TCase *c)
{
	tcase_add_test(c, fetch_job__one_archive_more_than_come_at_a_time_waits_for_one_to_end);
	tcase_add_test(c, fetch_job__archives_of_one_type_leave_places_for_others);
	tcase_add_test(c, fetch_job__who_has_no_use_for_its_place_hands_it_on);
	tcase_add_test(c, fetch_job__only_what_downloads_takes_a_place);
	tcase_add_test(c, fetch_job__an_archive_that_goes_on_elsewhere_keeps_its_place);
}
