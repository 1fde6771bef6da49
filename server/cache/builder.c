/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/builder.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cache/builder_difference.h"
#include "cache/builder_whole.h"

enum { STEPS_MAX = 100 }; /* what is got goes again as fast: somebody else wants the room */

static bool
is_difference_job(const struct builder_job *k)
{
	return k->job->spec.kind == JOB_BUILD && k->job->spec.base.version > 0;
}

/*
 * How a job goes on, on a builder: step by step, until it waits or has ended. It looks at the cache
 * anew before each step, since any time may have passed. Once a step has returned true k is not
 * touched: it is gone, or another builder has it already.
 */
static void
advance(void *context)
{
	struct builder_job *k = context;
	bool ended = false;

	jobs_resume(k->parts->jobs, k->job);
	while (!ended) {
		/* No other job has the number in this run, and stage/ was cleared at its start. */
		AUTO_FREE char *workspace = mem_printf("build-%u", k->turn.number);
		struct encode_crew crew = builder_job_crew(k);
		struct stock_site site = {workspace, &crew};

		if (jobs_stopped(k->parts->jobs) || ++k->steps > STEPS_MAX) {
			builder_job_failed(k, JOB_BUSY, 0);
			return;
		}
		k->failed = false;
		/* What is said where the plan is stuck and nothing has failed at this step. */
		k->reason = k->no_room ? JOB_DISK_FULL : JOB_UPSTREAM_UNAVAILABLE;
		builder_job_read_records(k);
		ended = is_difference_job(k) ? builder_difference_step(k, &site)
					     : builder_whole_step(k, &site);
	}
}

void
builder_start(const struct builder_parts *parts, struct job *job)
{
	struct builder_job *k = mem_new(1, sizeof(*k));

	k->parts = parts;
	k->job = job;
	k->advance = advance;
	k->began_ms = clock_mono_ms();
	k->turn = (struct turn){.spec = &job->spec, .context = k};
	builder_turns_join(parts->turns, &k->turn);
	advance(k);
}
