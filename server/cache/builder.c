/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/builder.h"

#include "base/clock.h"
#include "cache/builder_job.h"
#include "cache/builder_turns.h"
#include "base/mem.h"

enum { STEPS_MAX = 100 }; /* what is got goes again as fast: somebody else wants the room */

static bool
is_difference_job(const struct builder_job *k)
{
	return k->job->spec.kind == JOB_BUILD && k->job->spec.base.version > 0;
}

void
builder_job_advance(void *context)
{
	struct builder_job *k = context;
	bool ended = false;

	jobs_resume(k->server->jobs, k->job);
	while (!ended) {
		AUTO_FREE char *workspace = mem_printf("build-%u", k->turn.number);
		struct encode_crew crew = {
			builder_job_crew_each, builder_job_crew_begin, builder_job_crew_add, k};
		struct build b = {k->server->depot, workspace, &crew};

		if (jobs_stopped(k->server->jobs) || ++k->steps > STEPS_MAX) {
			builder_job_failed(k, JOB_BUSY, 0);
			return;
		}
		k->failed = false;
		k->reason = JOB_UPSTREAM_UNAVAILABLE;
		builder_job_read_records(k);
		ended = is_difference_job(k) ? builder_difference_step(k, &b)
					     : builder_whole_step(k, &b);
	}
}

void
builder_start(struct server *s, struct job *job)
{
	struct builder_job *k = mem_new(1, sizeof(*k));

	k->server = s;
	k->job = job;
	k->began_ms = clock_mono_ms();
	k->turn = (struct turn){.spec = &job->spec, .context = k};
	builder_turns_join(s->builder_turns, &k->turn);
	builder_job_advance(k);
}
