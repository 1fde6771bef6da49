/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/job_outlook.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "unit.h"

enum { TYPICAL_MS = 700 };

struct row {
	enum job_kind kind;
	enum job_state state;
	uint64_t start, have, total, seconds; /* since the first byte */
	uint64_t retry_in_ms;		      /* 0: it never failed */
	/* What is told: */
	enum job_reason reason;
	double progress;
	uint64_t need_ms;
	bool coming;
};

static struct job
job_of(const struct row *r)
{
	struct job job = {.spec.kind = r->kind, .state = r->state, .reason = JOB_DISK_FULL};

	job_progress_begin(&job.progress, r->start, r->total);
	job_progress_add(&job.progress, r->have - r->start);
	unit_clock_advance_ms(r->seconds * 1000);
	if (r->retry_in_ms > 0)
		job.retry_at_ms = clock_mono_ms() + r->retry_in_ms;
	return job;
}

/* Two clocks are read one after the other. */
static bool
about(uint64_t got, uint64_t wanted)
{
	return got == wanted || (got + 200 > wanted && got < wanted + 200);
}

START_TEST(job_outlook__tells_why_how_far_and_how_long)
{
	static const struct row rows[] = {
		/* A tenth in two seconds. */
		{JOB_OFFER, JOB_RUNNING, 0, 100, 1000, 2, 0, JOB_DOWNLOADING, 0.1, 18000, true},
		/* What was there already came in no time. */
		{JOB_OFFER, JOB_RUNNING, 500, 600, 1000, 2, 0, JOB_DOWNLOADING, 0.6, 8000, true},
		{JOB_OFFER, JOB_RUNNING, 500, 500, 1000, 2, 0, JOB_DOWNLOADING, 0.5, TYPICAL_MS,
			true},
		{JOB_OFFER, JOB_RUNNING, 0, 1000, 1000, 2, 0, JOB_DOWNLOADING, 1, 0, true},
		{JOB_OFFER, JOB_RUNNING, 0, 1500, 1000, 2, 0, JOB_DOWNLOADING, 1.5, 0, true},
		{JOB_OFFER, JOB_RUNNING, 0, 100, 0, 2, 0, JOB_DOWNLOADING, -1, TYPICAL_MS, true},
		{JOB_OFFER, JOB_QUEUED, 0, 0, 0, 0, 0, JOB_DOWNLOADING, -1, TYPICAL_MS, true},
		{JOB_BUILD, JOB_RUNNING, 0, 100, 1000, 1, 0, JOB_BUILDING, 0.1, 9000, true},
		{JOB_CONTENT, JOB_QUEUED, 0, 0, 0, 0, 0, JOB_BUILDING, -1, TYPICAL_MS, true},
		{JOB_CHECK, JOB_QUEUED, 0, 0, 0, 0, 0, JOB_BUILDING, -1, TYPICAL_MS, true},
		{JOB_HEADER, JOB_RUNNING, 0, 0, 0, 0, 0, JOB_DOWNLOADING, -1, TYPICAL_MS, true},
		/* It failed: until it is due, and then as long as it takes; why stands until
		   something comes. */
		{JOB_OFFER, JOB_FAILED, 0, 100, 1000, 2, 5000, JOB_DISK_FULL, -1, 5000 + TYPICAL_MS,
			false},
		{JOB_OFFER, JOB_QUEUED, 0, 0, 0, 0, 5000, JOB_DISK_FULL, -1, TYPICAL_MS, true},
		{JOB_OFFER, JOB_RUNNING, 100, 100, 1000, 1, 5000, JOB_DISK_FULL, 0.1, TYPICAL_MS,
			true},
		{JOB_OFFER, JOB_RUNNING, 100, 101, 1000, 1, 5000, JOB_DOWNLOADING, 0.101, 899000,
			true},
		{JOB_BUILD, JOB_QUEUED, 0, 0, 0, 0, 5000, JOB_DISK_FULL, -1, TYPICAL_MS, true},
		{JOB_BUILD, JOB_RUNNING, 0, 0, 0, 0, 5000, JOB_BUILDING, -1, TYPICAL_MS, true},
	};
	AUTO_FREE struct job_table *t = mem_new(1, sizeof(*t));

	job_table_begin(t);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct job job = job_of(r);
		struct job_outlook o = job_outlook(t, &job, TYPICAL_MS);

		ck_assert_msg(o.reason == r->reason, "row %zu: reason %d", i, (int)o.reason);
		ck_assert_msg(o.progress > r->progress - 1e-9 && o.progress < r->progress + 1e-9,
			"row %zu: %f", i, o.progress);
		ck_assert_msg(about(o.need_ms, r->need_ms), "row %zu: %lu ms", i,
			(unsigned long)o.need_ms);
		ck_assert_msg(o.coming == r->coming && !o.held, "row %zu", i);
	}
}
END_TEST

START_TEST(job_outlook__nobody_knows_where_nothing_has_ended_yet)
{
	static const struct row row = {.kind = JOB_OFFER, .state = JOB_QUEUED};
	AUTO_FREE struct job_table *t = mem_new(1, sizeof(*t));
	struct job job = job_of(&row);

	job_table_begin(t);
	ck_assert(job_outlook(t, &job, UINT64_MAX).need_ms == UINT64_MAX);
	job.state = JOB_FAILED;
	job.retry_at_ms = clock_mono_ms() + 3000;
	ck_assert(about(job_outlook(t, &job, UINT64_MAX).need_ms, 3000));
	unit_clock_advance_ms(60000); /* it is due */
	ck_assert_uint_eq(job_outlook(t, &job, UINT64_MAX).need_ms, 0);
}
END_TEST

START_TEST(job_outlook__who_waits_for_another_job_is_told_of_that_one)
{
	static const struct {
		enum job_state state, other;
		bool other_told;
	} rows[] = {{JOB_RUNNING, JOB_QUEUED, true}, {JOB_RUNNING, JOB_RUNNING, true},
		{JOB_RUNNING, JOB_FAILED, false}, {JOB_RUNNING, JOB_KNOWN, false},
		{JOB_QUEUED, JOB_RUNNING, false}};
	struct job_spec spec = {.kind = JOB_OFFER};
	AUTO_FREE struct job_table *t = mem_new(1, sizeof(*t));
	struct job waits = {.spec.kind = JOB_BUILD};
	struct job *other;

	job_table_begin(t);
	job_table_key(&spec, waits.waits_for);
	ck_assert_int_eq(job_outlook(t, &waits, 1).reason, JOB_BUILDING); /* the other is gone */
	other = job_table_add(t, &spec, waits.waits_for);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		waits.state = rows[i].state;
		other->state = rows[i].other;
		ck_assert_msg(
			(job_outlook(t, &waits, 1).reason == JOB_DOWNLOADING) == rows[i].other_told,
			"row %zu", i);
	}
	job_table_clear(t);
}
END_TEST

void
job_outlook_tests(TCase *c)
{
	tcase_add_test(c, job_outlook__tells_why_how_far_and_how_long);
	tcase_add_test(c, job_outlook__nobody_knows_where_nothing_has_ended_yet);
	tcase_add_test(c, job_outlook__who_waits_for_another_job_is_told_of_that_one);
}
