/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/jobs.h"

#include <stdio.h>

#include "base/clock.h"
#include "unit.h"

static unsigned notified;
static unsigned resumed;

static void
on_queued(void *context, enum job_queue queue)
{
	(void)context;
	(void)queue;
	notified++;
}

static void
on_resume(void *context)
{
	(void)context;
	resumed++;
}

static struct job_spec
spec_of(uint64_t version)
{
	struct job_spec spec = {.kind = JOB_OFFER, .format = FORMAT_AR2};

	(void)snprintf(spec.ident.type, sizeof(spec.ident.type), "t");
	spec.ident.edition = (struct edition){version, "00000000"};
	return spec;
}

START_TEST(jobs_ask__many_askers_one_job)
{
	struct jobs *j = jobs_new(on_queued, NULL);
	struct job_spec spec = spec_of(1);
	struct waiter waiters[3] = {{on_resume, NULL, UINT64_MAX, {NULL}},
		{on_resume, NULL, UINT64_MAX, {NULL}}, {on_resume, NULL, UINT64_MAX, {NULL}}};
	struct job *job;

	notified = resumed = 0;
	for (int i = 0; i < 3; i++)
		ck_assert(jobs_ask(j, &spec, &waiters[i]).held);
	ck_assert_uint_eq(notified, 1);
	job = jobs_take(j, QUEUE_FETCHER);
	ck_assert_ptr_nonnull(job);
	ck_assert_ptr_null(jobs_take(j, QUEUE_FETCHER));
	ck_assert_ptr_null(jobs_take(j, QUEUE_WORKERS));
	ck_assert_int_eq(jobs_state(j, &spec), JOB_RUNNING);
	jobs_done(j, job);
	ck_assert_uint_eq(resumed, 3);
	ck_assert_int_eq(jobs_state(j, &spec), JOB_NONE);
	jobs_free(j);
}
END_TEST

START_TEST(jobs_failed__is_tried_again_once_for_each_time_it_was_asked_for)
{
	struct jobs *j = jobs_new(on_queued, NULL);
	struct job_spec spec = spec_of(1);
	struct waiter waiter = {on_resume, NULL, UINT64_MAX, {NULL}};
	struct job_outlook answer;

	notified = resumed = 0;
	ck_assert(jobs_ask(j, &spec, &waiter).held);
	jobs_failed(j, jobs_take(j, QUEUE_FETCHER), JOB_UPSTREAM_UNAVAILABLE, 50000);
	ck_assert_uint_eq(resumed, 1);
	jobs_tick(j, clock_mono_ms());
	ck_assert_ptr_null(jobs_take(j, QUEUE_FETCHER)); /* not due */
	jobs_tick(j, clock_mono_ms() + 60000);
	jobs_failed(j, jobs_take(j, QUEUE_FETCHER), JOB_UPSTREAM_UNAVAILABLE, 50000);
	jobs_tick(j, clock_mono_ms() + 60000);
	ck_assert_ptr_null(jobs_take(j, QUEUE_FETCHER)); /* nobody asked since */
	answer = jobs_ask(j, &spec, &waiter);
	ck_assert(!answer.held);
	ck_assert_int_eq(answer.reason, JOB_UPSTREAM_UNAVAILABLE);
	ck_assert_uint_ge(answer.need_ms, 49000);
	ck_assert_uint_le(answer.need_ms, 50000);
	jobs_tick(j, clock_mono_ms() + 60000);
	ck_assert_ptr_nonnull(jobs_take(j, QUEUE_FETCHER));
	jobs_free(j);
}
END_TEST

START_TEST(jobs_failed__the_announcement_needs_nobody_to_ask)
{
	struct job_spec query = {.kind = JOB_QUERY};
	struct jobs *j = jobs_new(on_queued, NULL);

	(void)jobs_ask(j, &query, NULL);
	for (int i = 0; i < 5; i++) {
		struct job *job = jobs_take(j, QUEUE_FETCHER);

		ck_assert_ptr_nonnull(job);
		jobs_failed(j, job, JOB_UPSTREAM_UNAVAILABLE, 1000);
		jobs_tick(j, clock_mono_ms() + 2000);
	}
	jobs_free(j);
}
END_TEST

START_TEST(jobs_tick__ends_holds_at_their_time)
{
	struct jobs *j = jobs_new(on_queued, NULL);
	struct job_spec spec = spec_of(1);
	struct waiter early = {on_resume, NULL, 1000, {NULL}};
	struct waiter late = {on_resume, NULL, 2000, {NULL}};

	resumed = 0;
	ck_assert(jobs_ask(j, &spec, &early).held && jobs_ask(j, &spec, &late).held);
	jobs_tick(j, 999);
	ck_assert_uint_eq(resumed, 0);
	jobs_tick(j, 1000);
	ck_assert_uint_eq(resumed, 1);
	jobs_stop(j);
	ck_assert_uint_eq(resumed, 2);
	ck_assert(!jobs_ask(j, &spec, &early).held);
	jobs_free(j);
}
END_TEST

START_TEST(jobs_absent__is_remembered_until_metadata_changes)
{
	struct jobs *j = jobs_new(on_queued, NULL);
	struct job_spec spec = spec_of(1);
	struct job_spec other = spec_of(2);

	(void)jobs_ask(j, &spec, NULL);
	jobs_absent(j, jobs_take(j, QUEUE_FETCHER));
	jobs_note_absent(j, &other);
	ck_assert_int_eq(jobs_state(j, &spec), JOB_ABSENT);
	ck_assert_int_eq(jobs_state(j, &other), JOB_ABSENT);
	(void)jobs_ask(j, &spec, NULL);
	ck_assert_ptr_null(jobs_take(j, QUEUE_FETCHER));
	jobs_forget_known(j);
	ck_assert_int_eq(jobs_state(j, &spec), JOB_NONE);
	jobs_free(j);
}
END_TEST

START_TEST(jobs_ask__invented_versions_cannot_fill_memory)
{
	struct jobs *j = jobs_new(on_queued, NULL);
	struct job_outlook answer = {0};

	for (uint64_t version = 1; version < 20000; version++) {
		struct job_spec spec = spec_of(version);

		answer = jobs_ask(j, &spec, NULL);
	}
	ck_assert_int_eq(answer.reason, JOB_BUSY);
	for (int i = 0; i < 100; i++)
		jobs_absent(j, jobs_take(j, QUEUE_FETCHER));
	/* What is only remembered makes room. */
	ck_assert_int_eq(
		jobs_ask(j, &(struct job_spec){.kind = JOB_QUERY}, NULL).reason, JOB_DOWNLOADING);
	jobs_free(j);
}
END_TEST

START_TEST(jobs_wait__who_asks_is_told_of_what_is_waited_for)
{
	struct jobs *j = jobs_new(on_queued, NULL);
	struct job_spec spec = spec_of(1);
	struct job_spec needed = spec_of(1);
	struct waiter waiter = {on_resume, NULL, UINT64_MAX, {NULL}};
	struct job *build;
	struct job *fetch;

	resumed = 0;
	spec.kind = JOB_BUILD;
	(void)jobs_ask(j, &spec, NULL);
	build = jobs_take(j, QUEUE_BUILDERS);
	ck_assert_ptr_nonnull(build);
	ck_assert_int_eq(jobs_ask(j, &spec, NULL).reason, JOB_BUILDING);
	ck_assert(jobs_wait(j, build, &needed, &waiter).held);
	ck_assert_int_eq(jobs_ask(j, &spec, NULL).reason, JOB_DOWNLOADING);
	fetch = jobs_take(j, QUEUE_FETCHER);
	jobs_progress_begin(fetch, 25, 100);
	ck_assert(jobs_ask(j, &spec, NULL).progress > 0.24 &&
		  jobs_ask(j, &spec, NULL).progress < 0.26);
	jobs_done(j, fetch);
	ck_assert_uint_eq(resumed, 1);
	jobs_resume(j, build);
	ck_assert_int_eq(jobs_ask(j, &spec, NULL).reason, JOB_BUILDING);
	jobs_done(j, build);
	ck_assert_int_eq(jobs_state(j, &spec), JOB_NONE);
	jobs_free(j);
}
END_TEST

START_TEST(jobs_known__a_price_is_remembered_until_metadata_changes)
{
	struct jobs *j = jobs_new(on_queued, NULL);
	struct offer offer = {.archive[FORMAT_AR2].bytes = 7};
	struct job_spec spec = spec_of(1);

	spec.kind = JOB_PRICE;
	(void)jobs_ask(j, &spec, NULL);
	jobs_known(j, jobs_take(j, QUEUE_FETCHER), &offer);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_KNOWN);
	ck_assert_uint_eq(jobs_look(j, &spec).offer.archive[FORMAT_AR2].bytes, 7);
	ck_assert(!jobs_ask(j, &spec, NULL).coming);
	jobs_forget(j, &spec);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_NONE);
	(void)jobs_ask(j, &spec, NULL);
	jobs_known(j, jobs_take(j, QUEUE_FETCHER), &offer);
	jobs_forget_known(j);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_NONE);
	jobs_free(j);
}
END_TEST

void
jobs_tests(TCase *c)
{
	tcase_add_test(c, jobs_ask__many_askers_one_job);
	tcase_add_test(c, jobs_wait__who_asks_is_told_of_what_is_waited_for);
	tcase_add_test(c, jobs_known__a_price_is_remembered_until_metadata_changes);
	tcase_add_test(c, jobs_failed__is_tried_again_once_for_each_time_it_was_asked_for);
	tcase_add_test(c, jobs_failed__the_announcement_needs_nobody_to_ask);
	tcase_add_test(c, jobs_tick__ends_holds_at_their_time);
	tcase_add_test(c, jobs_absent__is_remembered_until_metadata_changes);
	tcase_add_test(c, jobs_ask__invented_versions_cannot_fill_memory);
}
