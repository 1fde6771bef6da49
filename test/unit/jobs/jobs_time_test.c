/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When what failed is tried again, how long things take, and what is said and remembered of them.
 */
#include <stdio.h>

#include "base/clock.h"
#include "jobs/job_table.h"
#include "jobs/jobs.h"
#include "unit.h"

enum { REMEMBERED_MS = 600000 };

static unsigned notified[QUEUES];
static unsigned resumed;

static void
on_queued(void *context, enum job_queue queue)
{
	(void)context;
	notified[queue]++;
}

static void
on_resume(void *context)
{
	(void)context;
	resumed++;
}

static struct job_spec
spec_of(enum job_kind kind, uint64_t version)
{
	struct job_spec spec = {.kind = kind, .ident = {"t", {version, "00000000"}}};

	return spec;
}

/* With a clock that stands. */
static struct jobs *
set_up(void)
{
	memset(notified, 0, sizeof(notified));
	resumed = 0;
	unit_clock_stop();
	return jobs_new(on_queued, NULL);
}

/* It is asked for, and taken. */
static struct job *
begin(struct jobs *j, const struct job_spec *spec)
{
	struct job *job;

	ck_assert(jobs_ask(j, spec, NULL).coming);
	job = jobs_take(j, job_table_queue(spec));
	ck_assert_ptr_nonnull(job);
	return job;
}

START_TEST(jobs_reason_name__the_words_of_an_answer)
{
	static const char *const names[] = {"downloading", "building", "busy",
		"upstream-unavailable", "disk-full", "restarting"};

	for (int i = 0; i < JOB_REASONS; i++)
		ck_assert_str_eq(jobs_reason_name((enum job_reason)i), names[i]);
}
END_TEST

START_TEST(jobs_ask__what_failed_is_tried_again_at_its_time_and_not_before)
{
	struct job_spec spec = spec_of(JOB_OFFER, 1);
	struct jobs *j = set_up();
	struct job_outlook answer;
	struct job_look look;

	jobs_failed(j, begin(j, &spec), JOB_DISK_FULL, 1000);
	look = jobs_look(j, &spec);
	ck_assert(look.state == JOB_FAILED && look.reason == JOB_DISK_FULL);
	ck_assert_uint_eq(look.retry_in_ms, 1000);
	unit_clock_advance_ms(999);
	ck_assert_uint_eq(jobs_look(j, &spec).retry_in_ms, 1);
	answer = jobs_ask(j, &spec, NULL);
	ck_assert(!answer.coming && !answer.held && answer.reason == JOB_DISK_FULL);
	ck_assert_uint_eq(answer.need_ms, 1);
	unit_clock_advance_ms(1);
	ck_assert_uint_eq(jobs_look(j, &spec).retry_in_ms, 0);
	ck_assert(jobs_ask(j, &spec, NULL).coming);
	ck_assert_uint_eq(notified[QUEUE_ARCHIVES], 2);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_QUEUED);
	ck_assert_uint_eq(jobs_look(j, &spec).retry_in_ms, 0);
	jobs_free(j);
}
END_TEST

START_TEST(jobs_tick__what_was_asked_for_is_queued_at_its_time_and_its_taker_hears_of_it)
{
	static const enum job_kind kinds[] = {
		JOB_HEADER, JOB_OFFER, JOB_CHECK, JOB_BUILD, JOB_CONTENT};
	struct jobs *j = set_up();

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct job_spec spec = spec_of(kinds[i], 1);
		enum job_queue queue = job_table_queue(&spec);
		struct job *job = begin(j, &spec);

		jobs_failed(j, job, JOB_UPSTREAM_UNAVAILABLE, 1000);
		(void)jobs_ask(j, &spec, NULL);
		memset(notified, 0, sizeof(notified));
		jobs_tick(j, job->retry_at_ms - 1);
		ck_assert_uint_eq(notified[queue], 0);
		ck_assert_int_eq(jobs_look(j, &spec).state, JOB_FAILED);
		jobs_tick(j, job->retry_at_ms);
		for (int q = 0; q < QUEUES; q++)
			ck_assert_uint_eq(notified[q], q == (int)queue);
		ck_assert_ptr_eq(jobs_take(j, queue), job);
		jobs_done(j, job);
	}
	jobs_free(j);
}
END_TEST

START_TEST(jobs_tick__a_failure_that_nobody_asks_about_is_remembered_for_ten_minutes)
{
	struct job_spec spec = spec_of(JOB_OFFER, 1);
	struct jobs *j = set_up();
	struct job *job = begin(j, &spec);
	uint64_t retry_at_ms;

	/* It was asked for once, and is tried once more. */
	jobs_failed(j, job, JOB_UPSTREAM_UNAVAILABLE, 1000);
	jobs_tick(j, job->retry_at_ms);
	ck_assert_ptr_eq(jobs_take(j, QUEUE_ARCHIVES), job);
	jobs_failed(j, job, JOB_UPSTREAM_UNAVAILABLE, 1000);
	retry_at_ms = clock_mono_ms() + 1000;
	jobs_tick(j, retry_at_ms + REMEMBERED_MS);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_FAILED);
	jobs_tick(j, retry_at_ms + REMEMBERED_MS + 1);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_NONE);
	jobs_free(j);
}
END_TEST

/* The longest back-off of so many failures in a row. */
static uint64_t
longest_ms(struct jobs *j, enum job_reason reason, unsigned failures)
{
	static uint64_t version;
	struct job_spec spec = spec_of(JOB_OFFER, ++version);
	uint64_t longest = 0;

	spec.due = true;
	for (unsigned i = 0; i < failures; i++) {
		struct job *job = begin(j, &spec);
		uint64_t wait_ms;

		jobs_failed(j, job, reason, 0);
		wait_ms = jobs_look(j, &spec).retry_in_ms;
		ck_assert_uint_ge(wait_ms, 100);
		longest = wait_ms > longest ? wait_ms : longest;
		/* Where it is known when, that does not count. */
		job = begin(j, &spec);
		jobs_failed(j, job, reason, 7);
		ck_assert_uint_eq(jobs_look(j, &spec).retry_in_ms, 7);
	}
	return longest;
}

START_TEST(jobs_failed__backs_off_by_the_number_of_failures_and_looks_for_room_more_often)
{
	struct jobs *j = set_up();

	for (int i = 0; i < 20; i++) {
		ck_assert_uint_le(longest_ms(j, JOB_UPSTREAM_UNAVAILABLE, 1), 1000);
		ck_assert_uint_le(longest_ms(j, JOB_UPSTREAM_UNAVAILABLE, 2), 2000);
	}
	ck_assert_uint_gt(longest_ms(j, JOB_UPSTREAM_UNAVAILABLE, 40), 100000);
	ck_assert_uint_gt(longest_ms(j, JOB_DISK_FULL, 60), 2000);
	ck_assert_uint_le(longest_ms(j, JOB_DISK_FULL, 60), 4000);
	jobs_free(j);
}
END_TEST

START_TEST(jobs_done__what_downloads_took_is_what_the_next_one_will_take)
{
	static const struct {
		enum job_kind kind;
		uint64_t took_ms;
		uint64_t next_ms; /* what is said afterwards */
	} rows[] = {{JOB_PRICE, 100, UINT64_MAX}, {JOB_CHECK, 100, UINT64_MAX},
		{JOB_BUILD, 100, UINT64_MAX}, {JOB_CONTENT, 100, UINT64_MAX},
		{JOB_OFFER, 4000, 4000}, {JOB_HEADER, 8000, 5000}, {JOB_QUERY, 1000, 4000},
		{JOB_PRICE, 100, 4000}};
	struct jobs *j = set_up();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct job_spec spec = spec_of(rows[i].kind, 1);
		struct job_spec next = spec_of(JOB_OFFER, 100 + i);
		struct job *job;

		/* From when it was asked for. */
		ck_assert(jobs_ask(j, &spec, NULL).coming);
		unit_clock_advance_ms(rows[i].took_ms / 2);
		job = jobs_take(j, job_table_queue(&spec));
		unit_clock_advance_ms(rows[i].took_ms / 2);
		jobs_done(j, job);
		ck_assert_msg(jobs_ask(j, &next, NULL).need_ms == rows[i].next_ms, "row %zu", i);
		jobs_absent(j, jobs_take(j, QUEUE_ARCHIVES));
	}
	jobs_free(j);
}
END_TEST

START_TEST(jobs_stop__nobody_is_held_and_who_asks_is_told_why)
{
	struct waiter waiter = {on_resume, NULL, UINT64_MAX, false, {NULL}};
	struct job_spec spec = spec_of(JOB_OFFER, 1);
	struct jobs *j = set_up();
	struct job_outlook answer;

	ck_assert(jobs_ask(j, &spec, &waiter).held);
	ck_assert(!jobs_stopped(j));
	jobs_stop(j);
	ck_assert_uint_eq(resumed, 1);
	ck_assert(jobs_stopped(j) && jobs_stopped(j));
	answer = jobs_ask(j, &spec, &waiter);
	ck_assert(!answer.held && !answer.coming && answer.progress < 0);
	ck_assert_int_eq(answer.reason, JOB_RESTARTING);
	/* What is queued is its taker's to end, and nobody is resumed twice. */
	jobs_done(j, jobs_take(j, QUEUE_ARCHIVES));
	ck_assert_uint_eq(resumed, 1);
	jobs_free(j);
	jobs_free(NULL);
}
END_TEST

START_TEST(jobs_ask__who_queues_it_gives_it_the_way_of_its_request)
{
	struct job_spec spec = spec_of(JOB_OFFER, 1);
	struct jobs *j = set_up();
	struct job *job;

	spec.via = "1.1 first";
	(void)jobs_ask(j, &spec, NULL);
	spec.via = "1.1 second";
	(void)jobs_ask(j, &spec, NULL);
	job = jobs_take(j, QUEUE_ARCHIVES);
	ck_assert_str_eq(job->via, "1.1 first");
	jobs_failed(j, job, JOB_BUSY, 1);
	unit_clock_advance_ms(1);
	job = begin(j, &spec);
	ck_assert_str_eq(job->via, "1.1 second");
	jobs_failed(j, job, JOB_BUSY, 1);
	unit_clock_advance_ms(1);
	spec.via = NULL;
	ck_assert_str_eq(begin(j, &spec)->via, "");
	jobs_free(j);
}
END_TEST

START_TEST(jobs_ask__who_invents_too_many_versions_is_told_when_to_come_back)
{
	struct job_spec spec = spec_of(JOB_OFFER, 1);
	struct jobs *j = set_up();
	struct job_outlook answer;

	spec.wish_of = 7;
	do {
		spec.base.version++;
		answer = jobs_ask(j, &spec, NULL);
		ck_assert_uint_lt(spec.base.version, 1000);
	} while (answer.coming);
	ck_assert(!answer.held && answer.progress < 0);
	ck_assert_int_eq(answer.reason, JOB_BUSY);
	ck_assert_uint_eq(answer.need_ms, 2000);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_NONE);
	/* What does not exist is no question to anybody, and nobody knows when it will. */
	jobs_note_absent(j, &spec);
	answer = jobs_ask(j, &spec, NULL);
	ck_assert_int_eq(answer.reason, JOB_BUSY);
	ck_assert(answer.need_ms == UINT64_MAX && answer.progress < 0 && !answer.coming);
	jobs_free(j);
}
END_TEST

START_TEST(jobs_note_absent__a_failure_is_none_any_more_and_what_runs_is_its_takers_to_end)
{
	struct job_spec spec = spec_of(JOB_OFFER, 1);
	struct jobs *j = set_up();
	struct job *job = begin(j, &spec);

	jobs_note_absent(j, &spec);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_RUNNING);
	jobs_failed(j, job, JOB_BUSY, 1000);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_FAILED);
	jobs_note_absent(j, &spec);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_ABSENT);
	jobs_forget(j, &spec);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_NONE);
	jobs_free(j);
}
END_TEST

START_TEST(jobs_forget__a_failure_has_its_time_whatever_metadata_says)
{
	struct job_spec spec = spec_of(JOB_OFFER, 1);
	struct jobs *j = set_up();

	jobs_failed(j, begin(j, &spec), JOB_BUSY, 1000);
	jobs_forget(j, &spec);
	jobs_forget_known(j);
	ck_assert_int_eq(jobs_look(j, &spec).state, JOB_FAILED);
	ck_assert_uint_eq(jobs_look(j, &spec).retry_in_ms, 1000);
	jobs_free(j);
}
END_TEST

START_TEST(jobs_tick__who_was_resumed_at_the_deadline_is_not_resumed_by_the_end)
{
	struct waiter early = {on_resume, NULL, 1000, false, {NULL}};
	struct waiter late = {on_resume, NULL, UINT64_MAX, false, {NULL}};
	struct job_spec spec = spec_of(JOB_OFFER, 1);
	struct jobs *j = set_up();

	ck_assert(jobs_ask(j, &spec, &late).held && jobs_ask(j, &spec, &early).held);
	jobs_tick(j, 1000);
	ck_assert_uint_eq(resumed, 1);
	jobs_tick(j, 1000);
	ck_assert_uint_eq(resumed, 1);
	jobs_absent(j, jobs_take(j, QUEUE_ARCHIVES));
	ck_assert_uint_eq(resumed, 2);
	jobs_free(j);
}
END_TEST

START_TEST(jobs_take__what_is_taken_again_begins_anew)
{
	struct job_spec spec = spec_of(JOB_OFFER, 1);
	struct jobs *j = set_up();
	struct job *job = begin(j, &spec);

	job_progress_begin(&job->progress, 0, 100);
	job_progress_add(&job->progress, 50);
	ck_assert(jobs_ask(j, &spec, NULL).progress > 0.4);
	jobs_failed(j, job, JOB_BUSY, 1);
	unit_clock_advance_ms(1);
	ck_assert_ptr_eq(begin(j, &spec), job);
	ck_assert(jobs_ask(j, &spec, NULL).progress < 0);
	jobs_free(j);
}
END_TEST

void
jobs_time_tests(TCase *c)
{
	tcase_add_test(c, jobs_reason_name__the_words_of_an_answer);
	tcase_add_test(c, jobs_ask__what_failed_is_tried_again_at_its_time_and_not_before);
	tcase_add_test(
		c, jobs_tick__what_was_asked_for_is_queued_at_its_time_and_its_taker_hears_of_it);
	tcase_add_test(
		c, jobs_tick__a_failure_that_nobody_asks_about_is_remembered_for_ten_minutes);
	tcase_add_test(
		c, jobs_failed__backs_off_by_the_number_of_failures_and_looks_for_room_more_often);
	tcase_add_test(c, jobs_done__what_downloads_took_is_what_the_next_one_will_take);
	tcase_add_test(c, jobs_stop__nobody_is_held_and_who_asks_is_told_why);
	tcase_add_test(c, jobs_ask__who_queues_it_gives_it_the_way_of_its_request);
	tcase_add_test(c, jobs_ask__who_invents_too_many_versions_is_told_when_to_come_back);
	tcase_add_test(
		c, jobs_note_absent__a_failure_is_none_any_more_and_what_runs_is_its_takers_to_end);
	tcase_add_test(c, jobs_forget__a_failure_has_its_time_whatever_metadata_says);
	tcase_add_test(c, jobs_tick__who_was_resumed_at_the_deadline_is_not_resumed_by_the_end);
	tcase_add_test(c, jobs_take__what_is_taken_again_begins_anew);
}
