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
	struct waiter waiters[3] = {{on_resume, NULL, UINT64_MAX, false, {NULL}},
		{on_resume, NULL, UINT64_MAX, false, {NULL}},
		{on_resume, NULL, UINT64_MAX, false, {NULL}}};
	struct job *job;

	notified = resumed = 0;
	for (int i = 0; i < 3; i++)
		ck_assert(jobs_ask(j, &spec, &waiters[i]).held);
	ck_assert_uint_eq(notified, 1);
	job = jobs_take(j, QUEUE_ARCHIVES);
	ck_assert_ptr_nonnull(job);
	ck_assert_ptr_null(jobs_take(j, QUEUE_ARCHIVES));
	ck_assert_ptr_null(jobs_take(j, QUEUE_WORKERS));
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_RUNNING);
	jobs_done(j, job);
	ck_assert_uint_eq(resumed, 3);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_NONE);
	jobs_free(j);
}
END_TEST

START_TEST(jobs_failed__is_tried_again_once_for_each_time_it_was_asked_for)
{
	struct jobs *j = jobs_new(on_queued, NULL);
	struct job_spec spec = spec_of(1);
	struct waiter waiter = {on_resume, NULL, UINT64_MAX, false, {NULL}};
	struct job_outlook answer;

	notified = resumed = 0;
	ck_assert(jobs_ask(j, &spec, &waiter).held);
	jobs_failed(j, jobs_take(j, QUEUE_ARCHIVES), JOB_UPSTREAM_UNAVAILABLE, 50000);
	ck_assert_uint_eq(resumed, 1);
	jobs_tick(j, clock_mono_ms());
	ck_assert_ptr_null(jobs_take(j, QUEUE_ARCHIVES)); /* not due */
	jobs_tick(j, clock_mono_ms() + 60000);
	jobs_failed(j, jobs_take(j, QUEUE_ARCHIVES), JOB_UPSTREAM_UNAVAILABLE, 50000);
	jobs_tick(j, clock_mono_ms() + 60000);
	ck_assert_ptr_null(jobs_take(j, QUEUE_ARCHIVES)); /* nobody asked since */
	answer = jobs_ask(j, &spec, &waiter);
	ck_assert(!answer.held);
	ck_assert_int_eq(answer.reason, JOB_UPSTREAM_UNAVAILABLE);
	ck_assert_uint_ge(answer.need_ms, 49000);
	ck_assert_uint_le(answer.need_ms, 50000);
	jobs_tick(j, clock_mono_ms() + 60000);
	ck_assert_ptr_nonnull(jobs_take(j, QUEUE_ARCHIVES));
	jobs_free(j);
}
END_TEST

START_TEST(jobs_failed__its_reason_stands_until_something_comes_of_the_next_attempt)
{
	struct jobs *j = jobs_new(on_queued, NULL);
	struct job_spec spec = spec_of(1);
	struct job *job;

	ck_assert_int_eq(jobs_ask(j, &spec, NULL).reason, JOB_DOWNLOADING);
	jobs_failed(j, jobs_take(j, QUEUE_ARCHIVES), JOB_DISK_FULL, 1);
	spec.due = true;
	ck_assert_int_eq(jobs_ask(j, &spec, NULL).reason, JOB_DISK_FULL); /* it is queued again */
	job = jobs_take(j, QUEUE_ARCHIVES);
	ck_assert_int_eq(jobs_ask(j, &spec, NULL).reason, JOB_DISK_FULL);
	job_progress_begin(&job->progress, 0, 100);
	job_progress_add(&job->progress, 10);
	ck_assert_int_eq(jobs_ask(j, &spec, NULL).reason, JOB_DOWNLOADING);
	jobs_free(j);
}
END_TEST

START_TEST(jobs_failed__the_announcement_needs_nobody_to_ask)
{
	struct job_spec query = {.kind = JOB_QUERY};
	struct jobs *j = jobs_new(on_queued, NULL);

	(void)jobs_ask(j, &query, NULL);
	for (int i = 0; i < 5; i++) {
		struct job *job = jobs_take(j, QUEUE_METADATA);

		ck_assert_ptr_nonnull(job);
		jobs_failed(j, job, JOB_UPSTREAM_UNAVAILABLE, 1000);
		jobs_tick(j, clock_mono_ms() + 2000);
	}
	jobs_free(j);
}
END_TEST

START_TEST(jobs_ask__what_is_due_does_not_wait_for_its_time)
{
	struct job_spec query = {.kind = JOB_QUERY};
	struct jobs *j = jobs_new(on_queued, NULL);

	(void)jobs_ask(j, &query, NULL);
	jobs_failed(j, jobs_take(j, QUEUE_METADATA), JOB_UPSTREAM_UNAVAILABLE, 50000);
	(void)jobs_ask(j, &query, NULL);
	ck_assert_ptr_null(jobs_take(j, QUEUE_METADATA));
	query.due = true;
	(void)jobs_ask(j, &query, NULL);
	ck_assert_ptr_nonnull(jobs_take(j, QUEUE_METADATA));
	jobs_free(j);
}
END_TEST

START_TEST(jobs_tick__ends_holds_at_their_time)
{
	struct jobs *j = jobs_new(on_queued, NULL);
	struct job_spec spec = spec_of(1);
	struct waiter early = {on_resume, NULL, 1000, false, {NULL}};
	struct waiter late = {on_resume, NULL, 2000, false, {NULL}};

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
	jobs_absent(j, jobs_take(j, QUEUE_ARCHIVES));
	jobs_note_absent(j, &other);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_ABSENT);
	ck_assert_int_eq(jobs_look(j, &other).state, JOB_ABSENT);
	(void)jobs_ask(j, &spec, NULL);
	ck_assert_ptr_null(jobs_take(j, QUEUE_ARCHIVES));
	jobs_forget_known(j);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_NONE);
	jobs_free(j);
}
END_TEST

/* So many that no more are taken; how many of them are. */
static unsigned
fill(struct jobs *j, uint64_t asker)
{
	unsigned taken = 0;

	for (uint64_t version = 1; version < 20000; version++) {
		struct job_spec spec = spec_of(1);

		spec.base = (struct edition){version, "00000000"};
		spec.wish_of = asker;
		taken += jobs_ask(j, &spec, NULL).coming;
	}
	return taken;
}

START_TEST(jobs_ask__nothing_that_clients_want_keeps_the_server_from_its_own_work)
{
	static const enum job_kind own[] = {
		JOB_QUERY, JOB_HEADER, JOB_CHECK, JOB_PRICE, JOB_CONTENT};
	struct jobs *j = jobs_new(on_queued, NULL);
	struct job_spec honest = spec_of(2);

	/* Invented versions are few, whoever asks for them. */
	ck_assert_uint_lt(fill(j, 7), 50);
	ck_assert(jobs_ask(j, &honest, NULL).coming);
	/* Others are as many as there is room, and that is not all. */
	ck_assert_uint_gt(fill(j, 0), 5000);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		struct job_spec spec = spec_of(3);

		spec.kind = own[i];
		ck_assert_msg(jobs_ask(j, &spec, NULL).coming, "kind %d", (int)own[i]);
	}
	jobs_free(j);
}
END_TEST

START_TEST(jobs_take__a_type_has_its_share_of_what_runs)
{
	struct jobs *j = jobs_new(on_queued, NULL);
	struct job_spec other = spec_of(1);
	struct job *job;
	unsigned of_type = 0;

	for (uint64_t version = 1; version < 100; version++) {
		struct job_spec spec = spec_of(version);

		(void)jobs_ask(j, &spec, NULL);
	}
	(void)snprintf(other.ident.type, sizeof(other.ident.type), "other");
	(void)jobs_ask(j, &other, NULL);
	while ((job = jobs_take(j, QUEUE_ARCHIVES)) != NULL &&
		strcmp(job->spec.ident.type, "t") == 0)
		of_type++;
	ck_assert_uint_eq(of_type, 8);
	/* It came last, and runs. */
	ck_assert_ptr_nonnull(job);
	ck_assert_ptr_null(jobs_take(j, QUEUE_ARCHIVES));
	jobs_free(j);
}
END_TEST

START_TEST(jobs_done__whoever_ends_makes_room_and_says_so)
{
	struct jobs *j = jobs_new(on_queued, NULL);
	struct job *last = NULL;

	for (uint64_t version = 1; version < 10; version++) {
		struct job_spec spec = spec_of(version);
		struct job *job;

		(void)jobs_ask(j, &spec, NULL);
		job = jobs_take(j, QUEUE_ARCHIVES);
		last = job != NULL ? job : last;
	}
	notified = 0;
	jobs_failed(j, last, JOB_UPSTREAM_UNAVAILABLE, 1000);
	ck_assert_uint_eq(notified, 1);
	ck_assert_ptr_nonnull(jobs_take(j, QUEUE_ARCHIVES));
	jobs_free(j);
}
END_TEST

START_TEST(jobs_wait__who_asks_is_told_of_what_is_waited_for)
{
	struct jobs *j = jobs_new(on_queued, NULL);
	struct job_spec spec = spec_of(1);
	struct job_spec needed = spec_of(1);
	struct waiter waiter = {on_resume, NULL, UINT64_MAX, false, {NULL}};
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
	fetch = jobs_take(j, QUEUE_ARCHIVES);
	job_progress_begin(&fetch->progress, 25, 100);
	ck_assert(jobs_ask(j, &spec, NULL).progress > 0.24 &&
		  jobs_ask(j, &spec, NULL).progress < 0.26);
	jobs_done(j, fetch);
	ck_assert_uint_eq(resumed, 1);
	jobs_resume(j, build);
	ck_assert_int_eq(jobs_ask(j, &spec, NULL).reason, JOB_BUILDING);
	jobs_done(j, build);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_NONE);
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
	jobs_known(j, jobs_take(j, QUEUE_METADATA), &offer);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_KNOWN);
	ck_assert_uint_eq(jobs_look(j, &spec).offer.archive[FORMAT_AR2].bytes, 7);
	ck_assert(!jobs_ask(j, &spec, NULL).coming);
	jobs_forget(j, &spec);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_NONE);
	(void)jobs_ask(j, &spec, NULL);
	jobs_known(j, jobs_take(j, QUEUE_METADATA), &offer);
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
	tcase_add_test(c, jobs_failed__its_reason_stands_until_something_comes_of_the_next_attempt);
	tcase_add_test(c, jobs_failed__the_announcement_needs_nobody_to_ask);
	tcase_add_test(c, jobs_ask__what_is_due_does_not_wait_for_its_time);
	tcase_add_test(c, jobs_tick__ends_holds_at_their_time);
	tcase_add_test(c, jobs_absent__is_remembered_until_metadata_changes);
	tcase_add_test(c, jobs_ask__nothing_that_clients_want_keeps_the_server_from_its_own_work);
	tcase_add_test(c, jobs_take__a_type_has_its_share_of_what_runs);
	tcase_add_test(c, jobs_done__whoever_ends_makes_room_and_says_so);
}
