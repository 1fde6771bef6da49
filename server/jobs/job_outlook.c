/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/job_outlook.h"

#include "base/clock.h"

/* What is left at the rate so far; a small thing takes as long as small things did. */
static uint64_t
estimate_ms(const struct job *job, uint64_t typical_ms, uint64_t now_ms)
{
	uint64_t have = job->progress.have_bytes;
	uint64_t total = job->progress.total_bytes;
	uint64_t start = job->progress.start_bytes;
	uint64_t elapsed_ms = now_ms - job->progress.since_ms;

	if (job->state == JOB_FAILED) {
		uint64_t wait_ms = job->retry_at_ms > now_ms ? job->retry_at_ms - now_ms : 0;

		return wait_ms + (typical_ms == UINT64_MAX ? 0 : typical_ms);
	}
	/*
	 * What was there already came in no time, and says nothing of the rate. Before the first
	 * byte since_ms is 0, and have no more than start.
	 */
	if (total > 0 && have > start && elapsed_ms > 0)
		return (uint64_t)((double)(total - (have < total ? have : total)) *
				  (double)elapsed_ms / (double)(have - start));
	return typical_ms;
}

/* The job that will be ended first: what a job waits for is never one that waits itself. */
static const struct job *
first_to_end(const struct job_table *t, const struct job *job)
{
	const struct job *other = NULL;

	if (job->state == JOB_RUNNING && job->waits_for[0] != '\0')
		other = job_table_find(t, job->waits_for);
	return other != NULL && (other->state == JOB_QUEUED || other->state == JOB_RUNNING) ? other
											    : job;
}

/*
 * Nothing has come of this attempt yet: what the one before failed of is all that is known.
 * retry_at is set by the first failure. A build says nothing of its progress, and is under way when
 * it runs.
 */
static bool
fails_as_before(const struct job *job)
{
	bool download = job_table_queue(&job->spec) < QUEUE_WORKERS;

	return job->retry_at_ms > 0 &&
	       (job->state == JOB_QUEUED ||
		       (job->state == JOB_RUNNING && download &&
			       job->progress.have_bytes <= job->progress.start_bytes));
}

struct job_outlook
job_outlook(const struct job_table *t, const struct job *job, uint64_t typical_ms)
{
	struct job_outlook outlook = {.reason = JOB_DOWNLOADING, .progress = -1};
	uint64_t total;

	job = first_to_end(t, job);
	total = job->progress.total_bytes;
	outlook.coming = job->state == JOB_QUEUED || job->state == JOB_RUNNING;
	if (job->state == JOB_FAILED || fails_as_before(job))
		outlook.reason = job->reason;
	else if (job_table_queue(&job->spec) >= QUEUE_WORKERS)
		outlook.reason = JOB_BUILDING;
	if (total > 0 && job->state != JOB_FAILED)
		outlook.progress = (double)job->progress.have_bytes / (double)total;
	outlook.need_ms = estimate_ms(job, typical_ms, clock_mono_ms());
	return outlook;
}
