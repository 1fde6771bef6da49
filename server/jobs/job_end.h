/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * job_end.h - how jobs end that did not succeed: said once, and the job knows when it is due.
 *
 * Threads:  the taker's
 * Errors:   logged in the download log
 */
#ifndef JOB_END_H
#define JOB_END_H

#include "jobs/jobs.h"

/* Whether a job failed for another reason than the last time: then it is to be said. The taker's.
 */
bool job_end_is_news(struct job *job, const struct err *why);

/*
 * A job failed: one line where the reason is new to it. name: what was asked for. delay_ms: see
 * jobs_failed.
 */
void job_end_failed(struct jobs *jobs, struct job *job, const char *name, const struct err *why,
	enum job_reason reason, uint64_t delay_ms);

/* Only the line, while the job is the taker's. */
void job_end_complain(struct job *job, const char *name, const struct err *why);

/* The upstream does not have it. */
void job_end_absent(struct jobs *jobs, struct job *job, const char *name);

/* What a failure to store something means to those who wait. */
enum job_reason job_end_reason(const struct err *why);

#endif
