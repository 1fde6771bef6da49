/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/job_shown.h"

#include <string.h>

static void
show(const struct job *job, uint64_t now_ms, struct job_shown *ret)
{
	uint64_t since_ms = job->progress.since_ms;
	uint64_t have_bytes = job->progress.have_bytes;
	uint64_t start_bytes = job->progress.start_bytes;

	*ret = (struct job_shown){.running = job->state == JOB_RUNNING,
		.have_bytes = have_bytes,
		.total_bytes = job->progress.total_bytes,
		.came_bytes = have_bytes > start_bytes ? have_bytes - start_bytes : 0,
		.took_ms = since_ms > 0 && now_ms > since_ms ? now_ms - since_ms : 0};
	memcpy(ret->name, job->key, sizeof(ret->name));
}

size_t
job_shown_list(const struct job_table *t, uint64_t now_ms, struct job_shown *ret, size_t max)
{
	const struct job *job;
	size_t count = 0;

	for (int queue = 0; queue < QUEUES; queue++)
		LIST_FOREACH (job, &t->running[queue], in_running)
			if (count < max)
				show(job, now_ms, &ret[count++]);
	for (int queue = 0; queue < QUEUES; queue++)
		STAILQ_FOREACH (job, &t->queued[queue], in_queue)
			if (count < max)
				show(job, now_ms, &ret[count++]);
	return count;
}
