/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/job_end.h"

#include <stdio.h>
#include <string.h>

#include "log.h"

enum job_reason
job_end_reason(const struct err *why)
{
	return why->code == ERR_FULL ? JOB_DISK_FULL : JOB_UPSTREAM_UNAVAILABLE;
}

/* A cloud that is away for a day fails the same job a thousand times, for one reason. */
bool
job_end_is_news(struct job *job, const struct err *why)
{
	if (strcmp(job->complaint, why->text) == 0)
		return false;
	(void)snprintf(job->complaint, sizeof(job->complaint), "%s", why->text);
	return true;
}

void
job_end_complain(struct job *job, const char *name, const struct err *why)
{
	struct log_line l;

	if (!job_end_is_news(job, why))
		return;
	log_begin(&l, EVENT_DOWNLOAD_FAILED);
	log_text(&l, "name", name);
	log_text(&l, "reason", why->text);
	log_end(&l, LOG_DOWNLOAD);
}

void
job_end_failed(struct jobs *jobs, struct job *job, const char *name, const struct err *why,
	enum job_reason reason, uint64_t delay_ms)
{
	job_end_complain(job, name, why);
	/* Last: from here on another thread may take the job, or the table forget it. */
	jobs_failed(jobs, job, reason, delay_ms);
}

void
job_end_absent(struct jobs *jobs, struct job *job, const char *name)
{
	struct log_line l;

	log_begin(&l, EVENT_ABSENT);
	log_text(&l, "name", name);
	log_end(&l, LOG_DOWNLOAD);
	jobs_absent(jobs, job);
}
